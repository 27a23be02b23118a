import type { Adapter } from './adapter.ts';
import type { ByteStrings } from './byte-string.ts';
import { type Case, requestInput } from './case-file.ts';
import { differences } from './expectation.ts';
import type { Outcome, Result } from './report.ts';

/**
 * Asks every adapter every case, `jobs` at a time; `onResult` is told each result as it comes.
 * @returns results in the order of adapters and cases, whatever came first
 */
export async function runCases(
  cases: readonly Case[],
  adapters: readonly Adapter[],
  options: { jobs: number; strings: ByteStrings; onResult?(result: Result): void },
): Promise<Result[]> {
  const tasks = adapters.flatMap((adapter) => cases.map((each) => ({ adapter, each })));
  const results: Result[] = new Array(tasks.length);
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < tasks.length) {
      const index = next++;
      const { adapter, each } = tasks[index]!;
      const result = await runCase(each, adapter, options.strings);
      results[index] = result;
      options.onResult?.(result);
    }
  };
  await Promise.all(Array.from({ length: options.jobs }, worker));
  return results;
}

async function runCase(each: Case, adapter: Adapter, strings: ByteStrings): Promise<Result> {
  const started = performance.now();
  const ended = (outcome: Outcome, details: string[]): Result => ({
    adapter: adapter.command,
    case: each,
    outcome,
    durationMs: Math.round(performance.now() - started),
    details,
  });
  if (each.disabled !== undefined) return ended('disabled', [each.disabled]);
  try {
    const input = requestInput(each.input, each.verb, strings);
    const reply = await adapter.ask({ protocol: 1, verb: each.verb, input });
    if (reply.kind === 'unsupported') return ended('skip', [reply.why]);
    if (reply.kind === 'error') return ended('error', [reply.why]);
    const lines = differences(each, reply, strings);
    return ended(lines.length === 0 ? 'pass' : 'fail', lines);
  } catch (error) {
    return ended('error', [`the case cannot be run: ${(error as Error).message}`]);
  }
}
