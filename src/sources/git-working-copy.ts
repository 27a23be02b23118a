import { SameError } from '../errors/same-error.ts';
import { findCommand } from '../host/processes.ts';
import { failureLine, fieldsOf, runGit } from './git-process.ts';
import { shareable } from './source-address.ts';

/** What git knows of a directory inside a working copy; paths are relative to the directory. */
export interface WorkingCopy {
  /** Directory inside the repository, `''` for its root. */
  prefix: string;
  /** The commit that is checked out; absent before the first one. */
  revision?: string;
  /** URL of `origin`, without credentials; absent when it is a path of this machine. */
  remote?: string;
  /** Mode by path of what the index has. */
  tracked: Map<string, string>;
  /** Neither tracked nor ignored; a repository inside ends with `/`. */
  untracked: string[];
  /** What the revision has. */
  committed: Map<string, { mode: string; oid: string }>;
  /** False where the file system keeps no x bits (`core.fileMode`). */
  keepsModes: boolean;
}

/**
 * What git says of a directory, or undefined when it is in no working copy, or is one that the repository around it ignores.
 * @throws SAME1209 when git refuses to read the repository.
 */
export async function localGit(directory: string, signal?: AbortSignal): Promise<WorkingCopy | undefined> {
  if (!findCommand('git')) return undefined;
  const git = async (...words: string[]): Promise<Buffer | undefined> => {
    const { exitCode, stdout } = await runGit(directory, words, { signal });
    return exitCode === 0 ? stdout : undefined;
  };
  const where = await runGit(directory, ['rev-parse', '--is-inside-work-tree', '--show-prefix'], { signal });
  if (where.exitCode !== 0) {
    const said = where.stderr.toString('utf8');
    if (!said.includes('dubious ownership')) return undefined;
    throw new SameError({
      code: 'SAME1209',
      message: `git does not read ${directory}: ${failureLine(said)}`,
      hint: `git config --global --add safe.directory ${directory}`,
    });
  }
  const [inside, prefix] = where.stdout.toString('utf8').split('\n');
  if (inside !== 'true') return undefined;
  const [staged, others, head, tree, origin, keepsModes] = await Promise.all([
    git('ls-files', '-z', '--stage'),
    git('ls-files', '-z', '--others', '--exclude-standard'),
    git('rev-parse', '--verify', '--quiet', 'HEAD^{commit}'),
    git('ls-tree', '-r', '-z', 'HEAD'),
    git('config', '--get', 'remote.origin.url'),
    git('config', '--type=bool', '--get', 'core.fileMode'),
  ]);
  const tracked = new Map(fieldsOf(staged).map((field) => [pathOf(field), field.slice(0, 6)]));
  const untracked = fieldsOf(others);
  if (!tracked.has('same.yaml') && !untracked.includes('same.yaml')) return undefined;
  const committed = new Map<string, { mode: string; oid: string }>();
  for (const field of fieldsOf(tree)) {
    const [mode, , oid] = field.slice(0, field.indexOf('\t')).split(' ');
    committed.set(pathOf(field), { mode: mode!, oid: oid! });
  }
  const remote = text(origin);
  return {
    prefix: (prefix ?? '').replace(/\/$/, ''),
    revision: text(head),
    remote: remote && shareable(remote),
    tracked,
    untracked,
    committed,
    keepsModes: text(keepsModes) !== 'false',
  };
}

/** The path in a line of ls-files or ls-tree: what follows the tab. */
function pathOf(field: string): string {
  return field.slice(field.indexOf('\t') + 1);
}

function text(output: Buffer | undefined): string | undefined {
  return output?.toString('utf8').trim() || undefined;
}
