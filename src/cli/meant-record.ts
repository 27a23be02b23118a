import { SameError } from '../errors/same-error.ts';
import { findStoredRun } from '../operations/show-run.ts';
import type { Cli } from './cli.ts';

/**
 * The same error with the command that was meant, where `same show` or `same delete` was given a run or a sweep for a
 * program that is not there.
 */
export async function hintingAtRecord(
  cli: Cli,
  error: unknown,
  { name, noun = 'program', words }: { name: string; noun: string | undefined; words: readonly string[] },
): Promise<unknown> {
  if (!(error instanceof SameError) || !['show', 'delete'].includes(name) || noun !== 'program') return error;
  const [text, ...more] = words.filter((word) => !word.startsWith('-'));
  if (text === undefined || more.length > 0 || !['SAME1204', 'SAME1902'].includes(error.code)) return error;
  const isOne = async (find: () => Promise<unknown>) =>
    find().then(
      () => true,
      () => false,
    );
  const meant = (await isOne(() => findStoredRun(cli.ports(), text)))
    ? 'run'
    : (await isOne(async () => (await cli.ports().openSweeps()).get(text))) && 'sweep';
  if (meant === false) return error;
  const { findings, cause, details } = error;
  const hint = `did you mean: same ${name} ${meant} ${text}`;
  return new SameError(
    findings.map((finding) => ({ ...finding, hint })),
    { cause, details },
  );
}
