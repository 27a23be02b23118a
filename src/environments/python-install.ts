import { SameError } from '../errors/same-error.ts';
import { join } from '../host/files.ts';
import { platform } from '../host/machine.ts';
import type { Interpreter } from './interpreter.ts';
import { lastLines, runTool, type ToolResult } from './tool-process.ts';

const VENV_TIMEOUT_MS = 10 * 60_000;
const INSTALL_TIMEOUT_MS = 2 * 60 * 60_000;

/** How the tools of Python are called. */
export interface InstallOptions {
  cacheDirectory?: string;
  /** Accept packages that have to be built, which executes their code. */
  allowBuild?: boolean;
  signal?: AbortSignal;
}

/**
 * Makes a virtual environment with nothing in it but, where nothing else installs packages, pip.
 * @throws SAME1502
 */
export async function makeVenv(
  interpreter: Interpreter,
  root: string,
  options: InstallOptions,
): Promise<void> {
  const { cacheDirectory, signal } = options;
  const tool = { timeoutMs: VENV_TIMEOUT_MS, cacheDirectory, signal };
  // Only what the lock names goes in: no pip, no setuptools.
  const bare = interpreter.pipRunner !== undefined || (await hasUv(options));
  const command =
    interpreter.venv && (bare || interpreter.ensurepip)
      ? [interpreter.executable, '-I', '-m', 'venv', ...(bare ? ['--without-pip'] : []), root]
      : ['uv', 'venv', '--quiet', '--no-project', '--python', interpreter.executable, root];
  const result = await runTool(command, tool);
  if (result.exitCode === 0) return;
  throw new SameError({
    code: 'SAME1502',
    message: `python ${interpreter.version} cannot make a virtual environment:\n${lastLines(result)}`,
    hint: 'install its venv module and pip (python3-venv, python3-pip), or uv',
  });
}

/** Installs locked packages into it, each by its hashes. @throws SAME1502 */
export async function installPackages(
  interpreter: Interpreter,
  root: string,
  requirements: string,
  options: InstallOptions,
): Promise<void> {
  const { cacheDirectory, signal, allowBuild } = options;
  const python = join(root, 'bin', 'python');
  const wanted = [
    '--require-hashes',
    '--no-deps',
    ...(allowBuild ? [] : ['--only-binary', ':all:']),
    '-r',
    requirements,
  ];
  const pip = ['--no-input', '--no-warn-script-location', ...wanted];
  const command = interpreter.pipRunner
    ? [python, interpreter.pipRunner, 'install', ...pip]
    : (await hasUv(options))
      ? ['uv', 'pip', 'install', '--quiet', '--python', python, ...wanted]
      : [python, '-m', 'pip', 'install', ...pip];
  const result = await runTool(command, { cwd: root, timeoutMs: INSTALL_TIMEOUT_MS, cacheDirectory, signal });
  if (result.exitCode !== 0) throw notInstalled(result, interpreter);
}

async function hasUv({ signal }: InstallOptions): Promise<boolean> {
  return (await runTool(['uv', '--version'], { timeoutMs: 30_000, signal })).exitCode === 0;
}

function notInstalled(result: ToolResult, interpreter: Interpreter): SameError {
  const said = `${result.stdout}\n${result.stderr}`;
  const hint = /DO NOT MATCH THE HASHES|[Hh]ash mismatch/.test(said)
    ? 'the package index serves other files than the lock names: nothing was installed; do not trust it before you know why'
    : /No matching distribution|Could not find a version|No solution found|no wheels/i.test(said)
      ? `the lock has no wheel for python ${interpreter.minor} on ${platform()}, or your index lacks it; lock it here with: same lock`
      : 'check the network and your pip configuration (proxy, index, certificates), then run again';
  return new SameError({
    code: 'SAME1502',
    message: `packages cannot be installed:\n${lastLines(result)}`,
    hint,
  });
}
