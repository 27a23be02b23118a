import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { checkout, openRig, type Rig, type RunOptions } from './rig.ts';

/** One study of examples/: how it is run differently, what that changes, and what must come out. */
interface Study {
  name: string;
  /** Command it cannot do without. */
  needs: string;
  /** An override as a user types it, the parameter it sets and the value that must be recorded. */
  override: { word: string; name: string; value: number | string; default: number | string };
  /** Claims that must agree with the override, and those that must differ with `missed`. */
  agrees: string[];
  missed: { words: string[]; differs: string[] };
}

const studies: Study[] = [
  {
    name: 'challenger-o-rings',
    needs: 'awk',
    override: { word: '--epochs=1000', name: 'epochs', value: 1000, default: 200 },
    agrees: ['alpha', 'beta', 'alpha-se', 'beta-se', 'deviance'],
    missed: {
      words: ['--profile', 'smoke'],
      differs: ['alpha', 'beta', 'alpha-se', 'beta-se', 'deviance'],
    },
  },
  {
    name: 'longley-1967',
    needs: 'Rscript',
    override: { word: '--method=qr', name: 'method', value: 'qr', default: 'qr' },
    agrees: ['b0', 'b1', 'b2', 'b3', 'b4', 'b5', 'b6', 'residual-sd', 'r-squared', 'f-statistic'],
    missed: { words: ['--profile', 'normal-equations'], differs: ['b0', 'b1', 'b2', 'b5', 'b6'] },
  },
  {
    name: 'gorman-sejnowski-1988',
    needs: 'python3.11',
    override: { word: '--repeats=1', name: 'repeats', value: 1, default: 10 },
    agrees: ['test-12-hidden', 'train-12-hidden', 'nearest-neighbour'],
    missed: { words: ['--profile', 'smoke'], differs: ['test-12-hidden', 'train-12-hidden'] },
  },
];

test('every folder of examples/ is one of these studies, and they are in at least two languages', () => {
  const folders = readdirSync(join(checkout, 'examples'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);
  assert.deepEqual(folders.sort(), studies.map(({ name }) => name).sort());
  assert.ok(new Set(studies.map(({ needs }) => needs)).size >= 2);
});

for (const study of studies) {
  describe(study.name, { skip: missing(study.needs) }, () => {
    test('is created, run with an override, exported, imported elsewhere and run to the same figures', async () => {
      using rig = openRig();
      const program = `${study.name}:1.0`;
      const { stdout } = await succeeded(rig, ['create', 'program', '-f', `examples/${study.name}`], {
        cwd: checkout,
      });
      assert.match(stdout, new RegExp(`^created ${study.name}:1\\.0 \\(sha256:[0-9a-f]{64}\\) from \\S+\n$`));

      const { override } = study;
      const first = await ran(rig, [program, override.word]);
      assert.equal(first.status, 'succeeded');
      assert.deepEqual(first.parameters[override.name], {
        value: override.value,
        source: override.word.split('=')[0],
        default: override.default,
      });
      assert.deepEqual(outcomes(first, 'within'), study.agrees);
      const shown = await succeeded(rig, ['show', 'run', 'latest']);
      for (const claim of study.agrees) assert.match(shown.stdout, new RegExp(`^ *agrees +${claim} `, 'm'));
      const said = typeof override.value === 'string' ? `"${override.value}"` : override.value;
      assert.match(
        shown.stdout,
        new RegExp(`^ *${override.name}: ${said} \\(${override.word.split('=')[0]};`, 'm'),
      );

      const missed = await ran(rig, [program, ...study.missed.words]);
      assert.equal(missed.status, 'succeeded');
      const differing = outcomes(missed, 'outside');
      for (const claim of study.missed.differs) assert.ok(differing.includes(claim), claim);
      assert.match((await succeeded(rig, ['show', 'run', 'latest'])).stdout, /^ *DIFFERS /m);

      await succeeded(rig, ['export', 'program', '-n', program, '--history', 'all', '-o', 'study.tgz']);
      const elsewhere = { env: { SAME_HOME: rig.path('elsewhere') } };
      await succeeded(rig, ['import', 'study.tgz'], elsewhere);
      const listed = (await succeeded(rig, ['list', 'runs', '--json'], elsewhere)).json().items;
      assert.deepEqual(
        listed.map((run: { own: boolean }) => run.own),
        [false, false],
      );
      const second = await ran(rig, [program, override.word], elsewhere);
      assert.equal(second.program.digest, first.program.digest);
      assert.deepEqual(second.metrics, first.metrics);
      assert.deepEqual(second.outputs, first.outputs);
    });
  });
}

test('an environment with a hashed lock is built by the first run; a later one trains with --epochs=1000 in it', {
  skip: missing('python3.11'),
}, async () => {
  using rig = openRig();
  await succeeded(rig, ['create', 'program', '-f', join(checkout, 'examples/gorman-sejnowski-1988')]);
  const words = ['run', 'program', 'gorman-sejnowski-1988:1.0', '--profile', 'smoke'];
  const built = (text: string) =>
    text.split('\n').filter((line) => /^building environment: /.test(line)).length;
  const first = await succeeded(rig, words);
  assert.equal(built(first.stderr), 1, first.stderr);
  const environments = rig.path('home/environments');
  const before = readdirSync(environments).map((name) => statSync(join(environments, name)).ino);
  const key = (await latest(rig)).environments.default;
  assert.equal(key?.locked, true);

  const second = await succeeded(rig, [...words, '--epochs=1000']);
  assert.equal(built(second.stderr), 0, second.stderr);
  const trained = await latest(rig);
  assert.deepEqual(trained.parameters.epochs, { value: 1000, source: '--epochs', default: 300 });
  const learning = trained.metrics.find(({ name }) => name === 'training_right');
  assert.ok((learning?.value ?? 0) > 99, JSON.stringify(learning));
  assert.deepEqual(trained.environments.default, key);
  assert.deepEqual(
    readdirSync(environments).map((name) => statSync(join(environments, name)).ino),
    before,
  );

  // The same lock under another version of the program is the same environment.
  await succeeded(rig, [
    'commit',
    'program',
    'gorman-sejnowski-1988:1.0',
    '--as',
    '1.1',
    '--set',
    'hidden=3',
  ]);
  const third = await succeeded(rig, ['run', 'program', 'gorman-sejnowski-1988:1.1', '--profile=smoke']);
  assert.equal(built(third.stderr), 0, third.stderr);
  assert.deepEqual((await latest(rig)).parameters.hidden, { value: 3, source: 'default', default: 3 });
});

interface Run {
  status: string;
  program: { digest: string };
  parameters: Record<string, unknown>;
  metrics: { name: string; value: number }[];
  claims: { id: string; outcome: string }[];
  outputs: object;
  environments: Record<string, { key: string; locked: boolean }>;
}

/** Runs a program and gives the record that is kept. */
async function ran(rig: Rig, words: string[], options?: RunOptions): Promise<Run> {
  await succeeded(rig, ['run', 'program', ...words], options);
  return latest(rig, options);
}

async function latest(rig: Rig, options?: RunOptions): Promise<Run> {
  return (await succeeded(rig, ['show', 'run', 'latest', '--json'], options)).json();
}

function outcomes(run: Run, outcome: string): string[] {
  return run.claims.filter((claim) => claim.outcome === outcome).map(({ id }) => id);
}

async function succeeded(rig: Rig, words: string[], options?: RunOptions) {
  const ended = await rig.same(words, options);
  assert.equal(ended.code, 0, `${words.join(' ')}\n${ended.stdout}${ended.stderr}`);
  return ended;
}

/** Why a study cannot run here: never a reason under CI. */
function missing(command: string): string | false {
  if (process.env.CI) return false;
  const version = command === 'awk' ? ['1'] : ['--version'];
  return spawnSync(command, version, { stdio: 'ignore' }).status === 0
    ? false
    : `not on this machine: ${command}`;
}
