import { execFileSync } from 'node:child_process';
import { join, resolve } from 'node:path';

const scripts = resolve(import.meta.dirname, '../../scripts');

/** Where oras is, or undefined where the installer could not bring it. */
export function findOras(): string | undefined {
  return printedBy('oras.sh');
}

/** The python that has a client of MLflow, or undefined where the installer could not bring it. */
export function findMlflow(): string | undefined {
  return printedBy('mlflow.sh');
}

/** The python that has MLflow's tracking server too, or undefined where the installer could not bring it. */
export function findMlflowServer(): string | undefined {
  return printedBy('mlflow.sh', '--server');
}

/** The python that has Kubeflow's SDK, or undefined where the installer could not bring it. */
export function findKubeflow(): string | undefined {
  return printedBy('kubeflow.sh');
}

/** Where a tool built from Go modules is, or undefined where the installer could not build it. */
export function goTool(name: 'crane' | 'regctl' | 'registries'): string | undefined {
  directory ??= printedBy('go-tools.sh');
  return directory && join(directory, name);
}
let directory: string | undefined;

/** The directory of what a cluster is made of, or undefined where the installer could not build it. */
export function clusterParts(): string | undefined {
  parts ??= printedBy('cluster.sh');
  return parts;
}
let parts: string | undefined;

/** Which of some commands are not on this machine, as a sentence, or undefined when all are. */
export function missing(...commands: string[]): string | undefined {
  const absent = commands.filter((name) => {
    try {
      execFileSync('sh', ['-c', 'command -v "$0"', name], { stdio: 'ignore' });
      return false;
    } catch {
      return true;
    }
  });
  return absent.length > 0 ? `not on this machine: ${absent.join(', ')}` : undefined;
}

/** The installer knows where it put things. */
function printedBy(script: string, ...words: string[]): string | undefined {
  try {
    return execFileSync('sh', [join(scripts, script), ...words], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return undefined;
  }
}
