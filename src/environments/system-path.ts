import { basename, delimiter, dirname, isAbsolute, isErrno, join, sep, statSync } from '../host/files.ts';
import { environmentVariables } from '../host/processes.ts';
import { isExecutable } from './interpreter.ts';
import { runTool } from './tool-process.ts';

const STANDARD = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];
const SHIM_TIMEOUT_MS = 30_000;

/** Directories of commands that every system has. */
export function standardPath(): string[] {
  return STANDARD.filter(isDirectory);
}

/**
 * The caller's PATH as a step of a system environment sees it: absolute directories that are there, each once.
 * Left out is what npm puts in front (`node_modules`), or a result would depend on whether same was started by an npm
 * script. In front of a version manager's shims stand the real directories they lead to, for a shim asks HOME what to
 * run, and a step's HOME is empty.
 */
export async function systemPath(commands: readonly string[], signal?: AbortSignal): Promise<string[]> {
  const own = (environmentVariables().PATH ?? '').split(delimiter);
  const directories = own.filter(
    (path) => isAbsolute(path) && !path.split(sep).includes('node_modules') && isDirectory(path),
  );
  const path: string[] = [];
  for (const directory of directories) {
    if (basename(directory) === 'shims') path.push(...(await behindShims(directory, commands, signal)));
    path.push(directory);
  }
  return [...new Set(path)];
}

/** Asks pyenv, rbenv, nodenv, asdf or mise where the real commands are: a slow question, so only for those in use. */
async function behindShims(
  shims: string,
  commands: readonly string[],
  signal?: AbortSignal,
): Promise<string[]> {
  const root = dirname(shims);
  const manager = basename(root).replace(/^\./, '');
  const own = join(root, 'bin', manager);
  const asked = [...new Set(commands)].filter((name) => isExecutable(join(shims, name)));
  const answers = await Promise.all(
    asked.map((name) => directoryBehind(isExecutable(own) ? own : manager, name, signal)),
  );
  return answers.filter((directory) => directory !== undefined);
}

const behind = new Map<string, Promise<string | undefined>>();

/** `MANAGER which COMMAND`, asked once per process. */
function directoryBehind(manager: string, name: string, signal?: AbortSignal): Promise<string | undefined> {
  const key = `${manager}\0${name}`;
  let answer = behind.get(key);
  if (!answer) {
    answer = runTool([manager, 'which', name], { timeoutMs: SHIM_TIMEOUT_MS, signal }).then(
      ({ exitCode, stdout }) => {
        const path = stdout.trim();
        return exitCode === 0 && isAbsolute(path) && isExecutable(path) ? dirname(path) : undefined;
      },
    );
    answer.catch(() => behind.delete(key));
    behind.set(key, answer);
  }
  return answer;
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
  } catch (error) {
    // A directory that this user may not look into holds no command for him.
    if (isErrno(error, 'EACCES', 'ENOTDIR', 'ELOOP')) return false;
    throw error;
  }
}
