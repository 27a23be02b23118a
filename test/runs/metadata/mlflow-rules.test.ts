import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { trackingLab } from './tracking-lab.ts';

describe('a tracking server of MLflow with rules of its own', () => {
  const lab = trackingLab();
  const { open, record, file, told } = lab;

  it('that does not take files itself is told the rest, and the run says what is not there', async () => {
    lab.server.place = 's3://bucket/runs';
    const { notes } = await open().tellRun(told());
    assert.deepEqual(notes, [
      'its 3 files are not sent: the tracking server keeps files at s3: without taking them itself',
    ]);
    assert.equal(lab.server.runs[0]?.tags.get('same.notes'), notes[0]);
    assert.equal(lab.server.runs[0]?.status, 'FINISHED');
    assert.equal(lab.server.files.size, 0);
  });

  it('is told what its rules do not let in by other names, cut values, or not at all, each said by name', async () => {
    const long = 'n'.repeat(300);
    const run = told(
      {
        record: record({
          parameters: {
            text: { value: `${'é'.repeat(7000)}`, source: '--set' },
            [long]: { value: 1, source: '--set' },
            'a@b': { value: 1, source: '--set' },
            a$b: { value: 2, source: '--set' },
            a_b: { value: 3, source: '--set' },
            '../up': { value: 4, source: '--set' },
          },
          metrics: [
            { name: 'hit@10', step: 'one', value: 1 },
            { name: 'm', step: 'two.0', value: 1, matrix: { seed: 0 } },
            { name: 'm', step: 'two.1', value: 2, matrix: { seed: 1 } },
          ],
        }),
        tags: { größe: 'ok', wide: 'w'.repeat(9000) },
        artifacts: [file('a#b', 'x'), file('50%25', 'y'), file('line\nbreak', 'z'), file('fine', 'f')],
      },
      [
        { name: 'hit@10', of: 'one', step: 0, value: 1, atMs: 0 },
        { name: 'm', of: 'two.0', step: 0, value: 1, atMs: 0 },
        { name: 'm', of: 'two.1', step: 0, value: 2, atMs: 0 },
      ],
    );
    const { notes } = await open().tellRun(run);
    const { params, tags, points: logged } = lab.server.runs[0]!;
    assert.equal([...(params.get('text') ?? '')].length, 6000);
    assert.ok([...params.keys()].every((name) => name.length <= 250 && /^[/\w.\- :]+$/.test(name)));
    assert.equal(params.size, 6);
    assert.equal(params.get('a_b'), '3');
    assert.equal(tags.get('größe'), 'ok');
    assert.equal(tags.get('wide')?.length, 8000);
    assert.deepEqual(
      logged.map(({ key, value }) => [key, value]),
      [
        ['hit_10', 1],
        ['m/two.0', 1],
        ['m/two.1', 2],
      ],
    );
    assert.deepEqual([...lab.server.files.keys()], ['1/r0/artifacts/fine', '1/r0/artifacts/same/run.json']);
    for (const said of [
      '"text"',
      '"nnn',
      '"a@b"',
      '"a$b"',
      '"../up"',
      '"wide"',
      '"hit@10"',
      '"a#b"',
      '"50%25"',
      '"line\\nbreak"',
    ])
      assert.ok(
        notes.some((note) => note.includes(said)),
        `${said} in ${notes.join('\n')}`,
      );
    assert.equal(lab.server.runs[0]?.tags.get('same.notes'), notes.join('\n'));
  });

  it('has each figure by a name of its own, also where two would be called the same', async () => {
    const metrics = [
      { name: 'acc', step: 's1', value: 1 },
      { name: 'acc', step: 's2', value: 2 },
      { name: 'acc/s1', step: 's1', value: 3 },
      { name: 'm', step: 'b/c', value: 4 },
      { name: 'm', step: 'd', value: 5 },
      { name: 'm/b', step: 'c', value: 6 },
      { name: 'm/b', step: 'e', value: 7 },
    ];
    const all = metrics.map(({ name, step: of, value }) => ({ name, of, step: 0, value, atMs: 0 }));
    const { notes } = await open().tellRun(told({ record: record({ metrics }) }, all));
    const called = (lab.server.runs[0]?.points ?? []).map(({ key }) => key);
    assert.deepEqual(
      called.map((key) => key.replace(/_[0-9a-f]{8}$/, '_#')),
      ['acc/s1_#', 'acc/s2', 'acc/s1', 'm/b/c', 'm/d', 'm/b/c_#', 'm/b/e'],
    );
    assert.deepEqual(notes, [
      `figure "acc" of "s1" is called "${called[0]}" there: another is called "acc/s1"`,
      `figure "m/b" of "c" is called "${called[5]}" there: another is called "m/b/c"`,
    ]);
    assert.equal(lab.server.runs[0]?.tags.get('same.notes'), notes.join('\n'));
  });

  it('is told very much in pieces that it takes', async () => {
    const parameters = Object.fromEntries(
      Array.from({ length: 350 }, (_, i) => [`p${i}`, { value: 'ü'.repeat(6000), source: '--set' as const }]),
    );
    const many = Array.from({ length: 2500 }, (_, step) => ({
      name: 'acc',
      of: 'one',
      step,
      value: step / 7,
      atMs: step,
    }));
    await open().tellRun(told({ record: record({ parameters }) }, many));
    assert.deepEqual(lab.server.complaints, []);
    assert.equal(lab.server.runs[0]?.params.size, 350);
    assert.equal(lab.server.runs[0]?.points.length, 2500);
  });
});
