import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import {
  type CrashLab,
  killAtRandom,
  type Life,
  openCrashLab,
  randomNumbers,
} from '../components/crash-lab.ts';
import { kill, processesOf } from '../components/processes.ts';
import { openRig } from './rig.ts';

const unavailable = existsSync('/proc/self/environ') ? false : 'there is no /proc';
/** More of both in a long campaign: see CONTRIBUTING. */
const ROUNDS = Number(process.env.SAME_CRASH_ROUNDS ?? 100);
const AT_ONCE = Number(process.env.SAME_CRASH_RUNS ?? 8);
const SEED = Number(process.env.SAME_CRASH_SEED ?? 20_260_101);

/** Rounds in one home: what looks at its runs is to be quick enough to kill the next one in time. */
const ROUNDS_OF_A_HOME = 100;

async function inLab(
  work: (lab: CrashLab, random: () => number) => Promise<void>,
  seed = SEED,
): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'same-crash-'));
  const random = randomNumbers(seed);
  try {
    const lab = await openCrashLab(directory, random);
    await work(lab, random);
    assert.deepEqual(lab.faults, []);
  } finally {
    for (const pid of processesOf((text) => text.includes(`${directory}/`) && text.includes('SAME_RUN_ID=')))
      kill(pid);
    rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  }
}

describe('kill -9', { skip: unavailable }, () => {
  it('after any line of the journal, which may be torn then, leaves a run that --resume goes on with', () =>
    inLab(async (lab) => {
      const lives: Life[] = [];
      for (let lines = 1; lines <= 13; lines++)
        lives.push(await lab.live(lines, [{ lines }], lines % 2 === 0));
      await lab.inspect(lives);
      const kills = lives.reduce((sum, life) => sum + life.kills, 0);
      assert.ok(kills >= 10, `only ${kills} of 13 were killed before they had ended`);
    }));

  for (let before = 0; before < ROUNDS; before += ROUNDS_OF_A_HOME) {
    const rounds = Math.min(ROUNDS_OF_A_HOME, ROUNDS - before);
    const which = before === 0 ? `${rounds} times` : `${rounds} times after ${before} others`;
    it(`at any moment of ${AT_ONCE} runs that write into one home loses, tears and locks nothing, ${which}`, () =>
      inLab(async (lab, random) => {
        const lives = await killAtRandom(lab, { rounds, atOnce: AT_ONCE, random });
        await lab.inspect(lives);
        const kills = lives.reduce((sum, life) => sum + life.kills, 0);
        assert.ok(kills >= rounds || lab.faults.length > 0, `${kills} kills in ${lives.length} runs`);
      }, SEED + before));
  }
});

describe('two runs of one program at the same time', () => {
  it('share nothing but the store', async () => {
    using rig = openRig();
    const meet = (file: string) =>
      `touch ${file}.$SAME_RUN_ID; until test $(ls ${file}.* | wc -l) = 2; do sleep 0.01; done`;
    rig.write({
      'study/same.yaml': `apiVersion: same/v1
kind: Program
metadata: {name: study, version: "1.0"}
pipeline:
  steps:
    writes: {run: [bash, writes.sh, "{{outputs.o}}"], outputs: {o: {}}, cache: false, timeout: 60s}
    reads: {run: [bash, reads.sh, "{{inputs.o}}"], inputs: {o: {from: writes.o}}, cache: false, timeout: 60s}
`,
      'study/writes.sh': `set -e
test ! -e left && test ! -e "$HOME/left" && test ! -e "$TMPDIR/left"
echo $SAME_RUN_ID > left; cp left "$HOME/left"; cp left "$TMPDIR/left"; cp left metrics.jsonl; rm metrics.jsonl
${meet(rig.path('writing'))}
cat left "$HOME/left" "$TMPDIR/left" > "$1"
`,
      'study/reads.sh': `set -e
${meet(rig.path('reading'))}
test "$(sort -u "$1")" = $SAME_RUN_ID && echo mine
`,
    });
    const created = await rig.same(['create', '-f', 'study']);
    assert.equal(created.code, 0, created.stderr);
    const runs = await Promise.all([1, 2].map(() => rig.same(['run', 'study:1.0', '--json'])));
    const ids = runs.map(({ code, stderr, json }) => {
      assert.equal(code, 0, stderr);
      return json().id;
    });
    assert.notEqual(ids[0], ids[1]);
    for (const id of ids) {
      const logs = await rig.same(['logs', id, '--step', 'reads']);
      assert.match(logs.stdout, /mine/, logs.stderr);
    }
  });
});
