import type { RunTool } from '../runs/elsewhere/run-elsewhere.ts';
import type { Ports } from './ports.ts';

/** As TensorBoard's writers call their files. */
const EVENT_FILE = /tfevents/;

/**
 * Names the command that takes over what a path holds, where that looks like runs of another tool. Nothing is read for it but
 * names.
 */
export function importOfOthers({ files }: Pick<Ports, 'files'>, path: string): string | undefined {
  const tool = files.kind(path) === 'directory' ? toolOf(files, path) : undefined;
  return tool ? commandOf(tool, path) : importOfDatabase(path);
}

/** The same, of a file that is called as databases are. */
export function importOfDatabase(path: string): string | undefined {
  return path.endsWith('.db') ? commandOf('mlruns', path) : undefined;
}

function commandOf(tool: RunTool, path: string): string {
  return `runs that another tool kept are taken over with: same import runs --from ${tool} ${path}`;
}

function toolOf(files: Ports['files'], path: string): RunTool | undefined {
  const names = files.names(path);
  if (names.includes('same.yaml')) return undefined;
  const isExperiment = (name: string) =>
    /^[0-9]+$/.test(name) && files.kind(`${path}/${name}`) === 'directory';
  if (names.some((name) => ['mlflow.db', 'mlruns'].includes(name) || isExperiment(name))) return 'mlruns';
  const below = (name: string) =>
    files.kind(`${path}/${name}`) === 'directory' ? files.names(`${path}/${name}`) : [];
  const isLogged = names.some(
    (name) => EVENT_FILE.test(name) || below(name).some((inner) => EVENT_FILE.test(inner)),
  );
  return isLogged ? 'tensorboard' : undefined;
}
