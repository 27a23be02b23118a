import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { openLocalEngine } from '../../src/engines/local/local-engine.ts';
import { openEnvironments } from '../../src/environments/prepare.ts';
import { checkRequirements } from '../../src/infrastructure/requirements.ts';
import { runProgram } from '../../src/operations/run-program.ts';
import { openDiskStepResults } from '../../src/runs/disk-step-results.ts';
import type { RunRecord } from '../../src/runs/run-record.ts';
import { holds } from './campaign.ts';
import { inDirectory, openHome } from './homes.ts';
import { type ModelledCell, modelledRun } from './modelled-run.ts';
import { type Edit, edited, editKinds, emptyStudy, filesOf, type Study } from './modelled-study.ts';

/** Runs the folder `study` beside a home, as the command does. */
async function run(directory: string, home: string, { set, force }: Study, jobs: number): Promise<RunRecord> {
  const variables = { PATH: process.env.PATH! };
  const ports = openHome(home, variables);
  const { record } = await runProgram(
    {
      ...ports,
      results: openDiskStepResults(join(home, 'cache', 'results'), () => ports.runs.allResults()),
      openEnvironments: (options) =>
        openEnvironments({
          ...options,
          directory: join(home, 'environments'),
          cacheDirectory: join(home, 'cache'),
        }),
      checkRequirements: async (program, environments) =>
        checkRequirements({ program, environments, homeDirectory: home, variables }),
      engine: () => openLocalEngine(ports.content),
    },
    {
      source: join(directory, 'study'),
      set: Object.entries(set).map(([name, value]) => `${name}=${value}`),
      words: [],
      afterDashes: [],
      allowUnmet: false,
      onFailure: 'keep-going',
      jobs,
      ...(force.length > 0 ? { force } : {}),
    },
    () => {},
  );
  return record;
}

function write(directory: string, files: Record<string, string>): void {
  rmSync(join(directory, 'study'), { recursive: true, force: true });
  mkdirSync(join(directory, 'study'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, 'study', name), text);
}

const byName = (one: { name: string }, two: { name: string }) => (one.name < two.name ? -1 : 1);

/** What a run comes to, whatever it was made from. */
function meaningOf({ status, steps, outputs, metrics, claims, error }: RunRecord): unknown {
  return {
    status,
    steps: steps.map(({ name, status: ended, outputs: left, exitCode }) => ({
      name,
      status: ended,
      left,
      ...(ended === 'failed' ? { exitCode } : {}),
    })),
    outputs,
    metrics: metrics.toSorted((one, two) => (`${one.step} ${one.name}` < `${two.step} ${two.name}` ? -1 : 1)),
    claims,
    error: error?.code,
  };
}

function assertAsModelled(record: RunRecord, cells: ModelledCell[], ran: string[], what: string): void {
  const sha256 = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`;
  const found = record.steps.map(({ name, status, outputs }) => ({
    name,
    status,
    output: outputs.o?.digest,
  }));
  const modelled = cells.map(({ name, status, output }) => ({
    name,
    status,
    output: output === undefined ? undefined : sha256(output),
  }));
  assert.deepEqual(found.sort(byName), modelled.sort(byName), what);
  assert.deepEqual(ran, cells.flatMap(({ name, runs }) => (runs ? [name] : [])).sort(), what);
  const cached = record.steps.filter((step) => step.cached).map(({ name }) => name);
  assert.deepEqual(
    cached.sort(),
    cells.flatMap(({ name, status, runs }) => (status === 'succeeded' && !runs ? [name] : [])).sort(),
    what,
  );
}

const number = fc.nat({ max: 59 });
const edit: fc.Arbitrary<Edit> = fc.record({
  kind: fc.constantFrom(...editKinds),
  a: number,
  b: number,
  c: number,
});
const addition: fc.Arbitrary<Edit> = fc.record({
  kind: fc.constant('add-step' as const),
  a: number,
  b: number,
  c: number,
});

test('whatever is edited in whatever order, exactly what sees it runs again, and all is as if it had been run at once', async () => {
  let reused = 0;
  await holds(
    12,
    [
      fc.array(addition, { minLength: 2, maxLength: 6 }),
      fc.array(edit, { maxLength: 8 }),
      fc.array(fc.tuple(edit, fc.integer({ min: 1, max: 4 })), { minLength: 3, maxLength: 7 }),
    ],
    async (additions, shaping, edits) =>
      inDirectory(async (directory) => {
        const log = join(directory, 'log');
        const known = new Set<string>();
        const history: Study[] = [];
        let study = emptyStudy();
        for (const each of [...additions, ...shaping]) study = edited(study, each, [study]);
        for (const [each, jobs] of [[undefined, 2] as const, ...edits]) {
          if (each) study = edited(study, each, history);
          if (study.steps.length === 0) return;
          history.push(study);
          write(directory, filesOf(study, log));
          const ranIn = async (home: string) => {
            writeFileSync(log, '');
            const record = await run(directory, join(directory, home), study, jobs);
            return { record, ran: readFileSync(log, 'utf8').split('\n').filter(Boolean).sort() };
          };
          const what = `after ${JSON.stringify(each)}`;
          const kept = await ranIn('kept');
          assertAsModelled(
            kept.record,
            modelledRun(study, log, known),
            kept.ran,
            `${what}, with what was kept`,
          );
          const empty = await ranIn('empty');
          assertAsModelled(
            empty.record,
            modelledRun(study, log, new Set()),
            empty.ran,
            `${what}, from nothing`,
          );
          assert.deepEqual(meaningOf(kept.record), meaningOf(empty.record), what);
          rmSync(join(directory, 'empty'), { recursive: true });
          reused += kept.record.steps.filter(({ cached }) => cached).length;
        }
      }),
  );
  assert.ok(reused > 50, `only ${reused} results were reused`);
});
