import type { LocalContentStore } from '../../content/content-store.ts';
import type { Finding } from '../../errors/same-error.ts';
import {
  basename,
  isErrno,
  join,
  lstatSync,
  namesIn,
  realpathSync,
  relative,
  resolve,
  sep,
} from '../../host/files.ts';
import type { PlannedStep } from '../../pipeline/plan.ts';
import type { Artifact } from '../engine.ts';
import { isUnreadable } from './inputs.ts';
import type { StepAttempt, Workspace } from './step-attempt.ts';

/** Entries a step left beside its own directories: it wrote where it may not. */
export function strayEntries(workspace: Workspace, step: PlannedStep, name: string): Finding[] {
  const own = ['work', 'in', 'out', 'home', 'tmp', 'params.json'];
  const expected: [string, (name: string) => boolean][] = [
    [workspace.root, (name) => own.includes(name)],
    [workspace.berth, (name) => name === basename(workspace.root)],
    [workspace.in, (name) => Object.hasOwn(step.inputs, name) && step.inputs[name]!.at === undefined],
    [workspace.out, (name) => Object.hasOwn(step.outputs, name) && step.outputs[name]!.path === undefined],
  ];
  return expected.flatMap(([directory, allowed]) =>
    namesIn(directory)
      .filter((name) => !allowed(name))
      .map((entry) => ({
        code: 'SAME1604' as const,
        message: `step ${name} wrote "${relative(workspace.root, join(directory, entry))}", which is no declared output`,
        place: join(directory, entry),
        hint: 'declare it under outputs, or write temporary files to $TMPDIR',
      })),
  );
}

/** Takes a declared output into the store. @returns the artifact, or why it cannot be one. */
export async function takeOutput(
  name: string,
  { step, cell }: Pick<StepAttempt, 'step' | 'cell'>,
  workspace: Workspace,
  content: LocalContentStore,
  tree: (directory: string) => Promise<Artifact | Finding>,
): Promise<Artifact | Finding> {
  const declared = step.outputs[name]!.path;
  const path = declared === undefined ? join(workspace.out, name) : resolve(workspace.workdir, declared);
  const taken = await takePath(path, `output "${name}"`, workspace, content, { tree });
  return (
    taken ?? {
      code: 'SAME1603',
      message: `step ${cell.name} did not write its output "${name}" (${declared ?? `$SAME_OUT/${name}`})`,
      place: path,
      hint:
        declared === undefined
          ? `write it to {{outputs.${name}}}`
          : "paths are relative to the step's workdir",
    }
  );
}

/**
 * Takes what a step left at a path into the store, if the path leads into the attempt's own directories.
 * @param options.tree takes a directory; without it none is wanted
 * @param options.mostBytes what a file may have
 * @returns the artifact, why it cannot be one, or undefined when nothing is there
 */
export async function takePath(
  path: string,
  what: string,
  workspace: Workspace,
  content: LocalContentStore,
  {
    tree,
    mostBytes = Number.POSITIVE_INFINITY,
  }: { tree?: (directory: string) => Promise<Artifact | Finding>; mostBytes?: number } = {},
): Promise<Artifact | Finding | undefined> {
  try {
    const stat = lstatSync(path);
    if (!stat.isSymbolicLink() && !realpathSync(path).startsWith(realpathSync(workspace.root) + sep)) {
      return { code: 'SAME1604', message: `${what} lies outside the step's directory`, place: path };
    }
    if (stat.isDirectory() && tree) return await tree(path);
    if (!stat.isFile()) {
      const wanted = tree ? 'a regular file or directory' : 'a regular file';
      return { code: 'SAME1611', message: `${what} is not ${wanted}`, place: path };
    }
    if (stat.size > mostBytes) return tooLarge(what, path, stat.size, mostBytes);
    const executable = (stat.mode & 0o100) !== 0;
    const { digest, sizeBytes } = await content.adopt(path);
    return executable ? { digest, sizeBytes, executable } : { digest, sizeBytes };
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) return undefined;
    if (!isUnreadable(error, path)) throw error;
    return {
      code: 'SAME1611',
      message: `${what} cannot be read or moved (its permissions)`,
      place: path,
      hint: 'leave what is to be kept readable and writable for its owner',
    };
  }
}

/** Why figures are not read from a file. */
export function tooLarge(what: string, place: string, sizeBytes: number, mostBytes: number): Finding {
  const message = `${what} has ${sizeBytes} bytes, more than the ${mostBytes} that are read for figures`;
  return { code: 'SAME1606', message, place };
}
