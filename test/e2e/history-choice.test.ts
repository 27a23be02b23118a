import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { globSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { startRegistry, unavailable } from '../components/registry.ts';
import { assertRefused } from './refusal.ts';
import { manifest, openRig, type Rig } from './rig.ts';

const study = manifest(
  `run: 'echo "{\\"score\\":$SAME_PARAM_N,\\"other\\":$SAME_PARAM_N}" | tee metrics.json > report.json; echo $SAME_PARAM_N; test $SAME_PARAM_N -ne 13'
outputs: {report: {path: report.json}}`,
  `parameters: {n: {type: integer, default: 1}}
secrets: {TOKEN: {description: a token}}
metrics: {score: {from: main.report, json: /score, direction: lower}}`,
);

/** A home with four runs of study:1.0, the last one failed. */
async function studied(rig: Rig): Promise<string[]> {
  rig.write({ 'study/same.yaml': study });
  await done(rig, ['create', '-f', 'study']);
  const ids: string[] = [];
  for (const n of [3, 2, 5, 13]) {
    const ended = await rig.same(['run', 'study:1.0', `--n=${n}`, '--json'], { env: { TOKEN: 'a-secret' } });
    ids.push(ended.json().id);
  }
  return ids;
}

describe('a choice of runs by what they did', () => {
  it('says which runs all passes over, and how they are taken along, and what latest is beside ids', async () => {
    using rig = openRig();
    const [three, two, five, failed] = (await studied(rig)) as [string, string, string, string];
    const words = ['export', '-n', 'study:1.0', '-o', 'all.tgz', '--history', 'all'];
    const said = /left out: 1 failed .*--history 'where status != running'/;
    assert.match((await done(rig, [...words, '--dry-run'])).stderr, said);
    assert.match((await done(rig, words)).stderr, said);
    const told = (await done(rig, [...words, '--json'])).json();
    assert.deepEqual([told.runs, told.passedOver], [[five, two, three], { failed: 1 }]);
    const every = [...words.slice(0, -1), 'where status != running', '--force', '--json'];
    const taken = (await done(rig, every)).json();
    assert.deepEqual([taken.runs, taken.passedOver], [[failed, five, two, three], {}]);
    const beside = ['export', '-n', 'study:1.0', '--history', `${failed},latest`];
    await assertRefused(rig, beside, {
      code: 'SAME1608',
      exit: 3,
      hint: `latest stands alone; beside ids write the id of that run: --history ${failed},${five}`,
    });
  });

  it('takes along the best run, or those that meet a filter, to bundles and registries and back', {
    skip: unavailable('docker-registry'),
  }, async (t) => {
    using rig = openRig();
    const registry = await startRegistry({ plainHttp: true });
    t.after(() => registry.dispose());
    const [three, two, five, failed] = (await studied(rig)) as [string, string, string, string];
    const exported = async (history: string, file = 'x.tgz'): Promise<string[]> => {
      const words = ['export', '-n', 'study:1.0', '-o', file, '--force', '--history', history, '--json'];
      return (await done(rig, words)).json().runs;
    };
    assert.deepEqual(await exported('best'), [two]);
    assert.deepEqual(await exported('best:other:higher'), [five]);
    assert.deepEqual(await exported("where metrics.score < 4 and status = 'succeeded'"), [two, three]);
    assert.deepEqual(await exported('where parameters.n = 13'), [failed]);
    for (const [history, code, exit] of [
      ['best:other', 'SAME1902', 2],
      ['best:nothing:lower', 'SAME1608', 3],
      ['where parameters.n = 99', 'SAME1608', 3],
      ['where parameters.n <', 'SAME1902', 2],
    ] as const) {
      const words = ['export', '-n', 'study:1.0', '--history', history];
      await assertRefused(rig, words, { code, exit });
    }
    const slips = {
      'where parameters.m = 13': 'no run here has parameters.m — did you mean parameters.n?',
      'where metrics.scor < 4': 'no run here has metrics.scor — did you mean metrics.score?',
      "where parameters.n = '13'":
        'parameters.n is text in no run here, and "13" is — write 13 without quotes',
      'bset:score': 'best:METRIC, "where CONDITION" — did you mean --history best:score?',
      'parameters.n = 13': "— did you mean --history 'where parameters.n = 13'?",
      'wher parameters.n = 13': "— did you mean --history 'where parameters.n = 13'?",
    };
    const saysSlips = async (before: string[], home?: string) => {
      for (const [history, said] of Object.entries(slips)) {
        const ended = await rig.same(
          [...before, '--history', history],
          home === undefined ? {} : { env: { SAME_HOME: home } },
        );
        assert.equal(ended.code, 3, ended.stderr);
        const text = ended.stderr.replace(' (--history) — ', ' — ');
        assert.ok(text.includes(said), `${history}: ${ended.stderr}`);
      }
    };
    await saysSlips(['export', '-n', 'study:1.0']);

    // The record is the same, byte for byte, at every station of its way.
    await exported('all', 'all.tgz');
    const record = async (home: string) =>
      recordOf(
        join(home, 'content'),
        (await done(rig, ['show', 'run', two, '--json'], home)).json().program.digest,
        two,
      );
    const own = readFileSync(globSync(`${rig.home}/runs/*/*/${two}/run.json`)[0]!, 'utf8').trimEnd();
    const reader = rig.path('reader');
    await done(rig, ['import', 'all.tgz'], reader);
    assert.equal(await record(reader), own);
    const before = bytesOf(reader);
    await done(rig, ['import', 'all.tgz'], reader);
    assert.deepEqual(bytesOf(reader), before, 'a second import changes nothing');
    const place = `oci://${registry.host}/lab`;
    await done(rig, ['push', 'study:1.0', place, '--history', 'best', '--plain-http'], reader);
    const puller = rig.path('puller');
    await done(rig, ['pull', `${place}/study:1.0`, '--plain-http'], puller);
    assert.equal(await record(puller), own);
    await done(rig, ['push', 'study:1.0', place, '--history', 'all', '--plain-http'], reader);
    const chosen = rig.path('chosen');
    const where = ['--history', 'where metrics.score >= 3', '--plain-http'];
    await done(rig, ['pull', `${place}/study:1.0`, ...where], chosen);
    assert.deepEqual((await idsIn(rig, chosen)).sort(), [three, five].sort());
    const copied = rig.path('copied');
    await done(
      rig,
      ['copy', `${place}/study:1.0`, './copy.tgz', '--history', 'best', '--plain-http'],
      copied,
    );
    await done(rig, ['copy', './copy.tgz', './again.tgz', '--history', 'best:score'], copied);
    await saysSlips(['copy', './all.tgz', './none.tgz'], copied);
    await done(rig, ['import', './again.tgz'], copied);
    assert.deepEqual(await idsIn(rig, copied), [two]);
    assert.equal(await record(copied), own);
    const compared = await rig.same(['compare', 'runs', two, three, '--json'], {
      env: { SAME_HOME: puller },
    });
    assert.equal(compared.code, 3, 'a run that did not travel is not there');
    await assertRefused({ ...rig, home: puller }, ['delete', 'run', two], {
      code: 'SAME1609',
      exit: 4,
      hint: 'same delete program study:1.0, then same gc',
      env: { SAME_HOME: puller },
    });
  });

  it('says with --dry-run what would leave, and writes and sends nothing', async () => {
    using rig = openRig();
    const [, two, , failed] = await studied(rig);
    const before = bytesOf(rig.home);
    const words = ['export', '-n', 'study:1.0', '--history', `${two},${failed}`, '--dry-run'];
    const leaving = (await done(rig, [...words, '--json'])).json();
    assert.deepEqual(
      leaving.runs.map(({ id, status, own, program, masked }: Record<string, unknown>) => [
        id,
        status,
        own,
        program,
        masked,
      ]),
      [
        [failed, 'failed', true, 'study:1.0', ['TOKEN']],
        [two, 'succeeded', true, 'study:1.0', ['TOKEN']],
      ],
    );
    const [, { sizeBytes, stays }] = leaving.runs;
    assert.ok(sizeBytes > 500);
    assert.deepEqual(stays, { logs: { files: 2, sizeBytes: 2 }, outputs: { files: 1, sizeBytes: 22 } });
    assert.deepEqual(leaving.others, { origin: 1 });
    const { stdout, stderr } = await done(rig, words);
    assert.match(
      stderr,
      /values of secrets.* were masked; .*programs logged, and commands and parameters .*leave as they are/,
    );
    assert.doesNotMatch(stderr, /in none is/);
    assert.match(stdout, /masked TOKEN; stays here: 2 logs \(2 bytes\), 1 outputs \(22 bytes\)/);
    const pushed = ['push', 'study:1.0', 'oci://localhost:1/lab', '--history', 'best', '--dry-run', '--json'];
    assert.deepEqual(
      (await done(rig, pushed)).json().runs.map(({ id }: { id: string }) => id),
      [two],
    );
    const known = new Set(before.map(String));
    assert.deepEqual(
      bytesOf(rig.home).filter((file) => !known.has(String(file))),
      [],
    );
    assert.deepEqual(globSync('*.tgz', { cwd: rig.root }), []);
    await done(rig, ['export', '-n', 'study:1.0', '--history', 'all', '-o', 'all.tgz']);
    const copy = ['copy', './all.tgz', './copy.tgz', '--history', 'best', '--dry-run', '--json'];
    assert.deepEqual(
      (await done(rig, copy)).json().runs.map(({ id }: { id: string }) => id),
      [two],
    );
    assert.deepEqual(globSync('*.tgz', { cwd: rig.root }), ['all.tgz']);
    await assertRefused(rig, ['export', '-n', 'study:1.0', '--history', 'nothing', '--dry-run'], {
      code: 'SAME1608',
      exit: 3,
    });
  });
});

/** The bytes of the record of a run that came along, as text. */
function recordOf(content: string, subject: string, id: string): string {
  const blob = (digest: string) =>
    readFileSync(join(content, 'blobs/sha256', digest.slice('sha256:'.length)), 'utf8');
  const referrers = globSync(`referrers/${subject.slice('sha256:'.length)}/*`, { cwd: content });
  const manifests = referrers.map((path) =>
    JSON.parse(
      blob(
        `sha256:${path
          .split('/')
          .at(-1)!
          .replace(/^sha256[:-]/, '')}`,
      ),
    ),
  );
  const run = manifests.find(({ annotations }) => annotations?.['dev.same.run.id'] === id);
  return blob(run.layers[0].digest);
}

async function idsIn(rig: Rig, home: string): Promise<string[]> {
  const { items } = (await done(rig, ['list', 'runs', '--json'], home)).json();
  return items.map(({ id }: { id: string }) => id);
}

async function done(rig: Rig, words: string[], home = rig.home) {
  const ended = await rig.same(words, { env: { SAME_HOME: home } });
  assert.equal(ended.code, 0, `same ${words.join(' ')}\n${ended.stdout}${ended.stderr}`);
  return ended;
}

/** Every file of a home with its digest; an index and caches are derived. */
function bytesOf(home: string): [string, string][] {
  return globSync('**', { cwd: home })
    .filter((path) => statSync(join(home, path)).isFile() && !/^(index-|cache\/)/.test(path))
    .sort()
    .map((path) => [
      path,
      createHash('sha256')
        .update(readFileSync(join(home, path)))
        .digest('hex'),
    ]);
}
