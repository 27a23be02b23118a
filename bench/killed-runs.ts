import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { killAtRandom, openCrashLab, randomNumbers } from '../test/components/crash-lab.ts';

/**
 * `node bench/killed-runs.ts AT_ONCE ROUNDS [SEED]`: runs at once in one home that are killed with -9 at random and gone
 * on with. Exits 1, saying what, when anything of them was lost, torn, locked, run twice or left.
 */
const [atOnce, rounds, seed = 1] = process.argv.slice(2).map(Number);
const directory = mkdtempSync(join(tmpdir(), 'same-killed-runs-'));
try {
  const random = randomNumbers(seed);
  const lab = await openCrashLab(directory, random);
  const lives = await killAtRandom(lab, { rounds: rounds!, atOnce: atOnce!, random });
  await lab.inspect(lives);
  const runs = lives.reduce((sum, life) => sum + life.runs.length, 0);
  const kills = lives.reduce((sum, life) => sum + life.kills, 0);
  process.stdout.write(`${kills} kills, ${runs} runs, ${lab.faults.length} faults\n`);
  for (const fault of lab.faults) process.stderr.write(`${fault}\n`);
  if (lab.faults.length > 0) process.exitCode = 1;
} finally {
  rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
}
