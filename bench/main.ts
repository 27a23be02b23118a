import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { costIn, measuring } from '../test/components/peak-memory.ts';
import type { Contestant, Row } from './contestant.ts';
import { openRows } from './rows.ts';
import { linesOf, type Measured, renderTable } from './table.ts';

/**
 * `npm run bench -- [--runs N] [--gate] [ROW …]`: measures rows of the table of speed, each beside its floor and the
 * peers that are on PATH.
 *
 * A figure is the CPU time, user and system, of a whole process and its descendants, as bash's `time` has it from the
 * kernel (getrusage, whole milliseconds); starting bash itself is not in it. Output goes to /dev/null. Contestants of a
 * row take turns, so that what else the machine does meets all alike, after one turn that does not count (it fills
 * caches). The median of N turns is told. Only ratios within one row and one run mean something.
 *
 * Measured processes have an empty home, and NODE_EXTRA_CA_CERTS and NODE_OPTIONS are taken from them: reading
 * certificates or options at start is no cost of ours, and the former slows a bare node too.
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { runs: { type: 'string', default: '15' }, gate: { type: 'boolean', default: false } },
});
const runs = Number(values.runs);
if (!Number.isInteger(runs) || runs < 1)
  throw new RangeError(`--runs takes a number from 1, not ${values.runs}`);

const TIMED = 'TIMEFORMAT="%3U %3S"; time "$@" < /dev/null > /dev/null 2> /dev/null';
const directory = mkdtempSync(join(tmpdir(), 'same-bench-'));
const { NODE_EXTRA_CA_CERTS: _, NODE_OPTIONS: __, SAME_ENVIRONMENT: ___, ...inherited } = process.env;
const env = { ...inherited, LC_ALL: 'C', HOME: join(directory, 'user'), SAME_HOME: join(directory, 'home') };

try {
  const rows = openRows(directory).filter(
    ({ name }) =>
      positionals.length === 0 || positionals.includes(name) || positionals.includes(name.split(' ')[0]!),
  );
  if (rows.length === 0) throw new RangeError(`there is no row ${positionals.join(', ')}`);
  const measured: Measured[] = [];
  for (const row of rows) measured.push(...(await measure(row)));
  const lines = linesOf(measured);
  process.stdout.write(renderTable(lines));
  const { version: node, platform, arch } = process;
  const machine = { cpus: availableParallelism(), node, platform: `${platform}-${arch}` };
  const results = resolve(import.meta.dirname, '../.bench');
  mkdirSync(results, { recursive: true });
  writeFileSync(join(results, 'results.json'), `${JSON.stringify({ machine, runs, lines }, null, 2)}\n`);
  if (values.gate && lines.some(({ verdict }) => verdict === 'OVER')) process.exitCode = 1;
} finally {
  rmSync(directory, { recursive: true, force: true });
}

async function measure(row: Row): Promise<Measured[]> {
  const absent = (row.needs ?? []).filter((name) => !isOnPath(name));
  if (absent.length > 0) return [{ row: row.name, what: absent.join(', '), role: 'floor' }];
  try {
    const { before, contestants } = await row.open();
    for (const command of before) {
      if (cpuSeconds([command]) === undefined) throw new Error(`${command.join(' ')} failed`);
    }
    const present = contestants.filter(isInstalled);
    const samples = new Map(present.map((contestant) => [contestant, [] as (number | undefined)[]]));
    const peaks = new Map<Contestant, number>();
    for (let turn = 0; turn <= Math.min(runs, row.mostRuns ?? runs); turn++) {
      for (const contestant of present) {
        for (const command of contestant.between ?? []) cpuSeconds([command]);
        if (turn === 0 && contestant.mostBytes !== undefined)
          peaks.set(contestant, peakBytes(contestant.commands));
        else samples.get(contestant)!.push(cpuSeconds(contestant.commands));
      }
    }
    return contestants.map((contestant) => {
      const { commands: _, between: __, ...rest } = contestant;
      const counted = samples.get(contestant)?.slice(peaks.has(contestant) ? 0 : 1);
      const whole = counted?.every((seconds) => seconds !== undefined) ? counted : counted && [];
      const peak = peaks.has(contestant) ? { peakBytes: peaks.get(contestant)! } : {};
      return { row: row.name, ...rest, ...peak, ...(whole ? { samples: whole } : {}) };
    });
  } finally {
    await row.close?.();
  }
}

/** The most that any of some commands had in memory at once. */
function peakBytes(commands: string[][]): number {
  const report = join(directory, 'peak');
  const peaks = commands.map((command) => {
    const [python, ...words] = [...measuring(report), ...command];
    spawnSync(python!, words, { cwd: directory, env, stdio: 'ignore' });
    return costIn(report).peakBytes;
  });
  return Math.max(...peaks);
}

/** CPU seconds of commands one after another, or undefined when one failed. */
function cpuSeconds(commands: string[][]): number | undefined {
  let total = 0;
  for (const command of commands) {
    const options = { cwd: directory, env, encoding: 'utf8' } as const;
    const { status, stderr } = spawnSync('bash', ['-c', TIMED, 'bash', ...command], options);
    if (status !== 0) return undefined;
    for (const seconds of stderr.trim().split(' ')) total += Number(seconds);
  }
  return total;
}

function isInstalled({ commands, needs = [] }: Contestant): boolean {
  return [...commands.map(([name]) => name!), ...needs].every(isOnPath);
}

function isOnPath(name: string): boolean {
  return spawnSync('bash', ['-c', 'command -v "$1"', 'bash', name], { env }).status === 0;
}
