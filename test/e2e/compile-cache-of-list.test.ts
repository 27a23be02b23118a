import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { openRig, type Rig } from './rig.ts';
import { outcome, storeRun } from './stored-runs.ts';

describe('a listing of runs that is quick', () => {
  let rig: Rig;
  before(() => {
    rig = openRig();
    storeRun(rig, 1, outcome({ lr: 0.1 }, { acc: 0.7 }));
    storeRun(rig, 2, outcome({ lr: 0.01 }, { acc: 0.9 }));
    storeRun(rig, 3, { ...outcome({ lr: 0.001 }), status: 'failed' });
  });
  after(() => rig[Symbol.dispose]());

  it('keeps the code that was compiled for it, once it has listed something, and loads nothing that hashes or speaks', async () => {
    const kept = () => readdirSync(rig.path('home/cache/compile')).filter((name) => name.startsWith('list'));
    for (const words of [['--help'], ['--where', 'nope'], ['--nope'], ['oci://localhost:1/lab']])
      await rig.same(['list', 'runs', ...words]);
    assert.deepEqual(kept(), []);
    const first = await rig.same(['list', 'runs']);
    assert.equal(first.code, 0, first.stderr);
    const [name] = kept();
    const bytes = readFileSync(rig.path('home/cache/compile', name!));
    rig.write({
      'look.cjs': `process.on('exit', () => {
        const loaded = process.moduleLoadList.map((name) => name.replace('NativeModule ', ''));
        const heavy = loaded.filter((name) => /^(_?http|https|tls|crypto|zlib|child_process)/.test(name));
        require('node:fs').writeFileSync(${JSON.stringify(rig.path('loaded'))}, JSON.stringify(heavy));
      })`,
    });
    const again = await rig.same(['list', 'runs'], {
      env: { NODE_OPTIONS: `--require=${rig.path('look.cjs')}` },
    });
    assert.deepEqual([again.code, again.stdout, again.stderr], [0, first.stdout, first.stderr]);
    assert.deepEqual(readFileSync(rig.path('home/cache/compile', name!)), bytes);
    assert.ok(existsSync(rig.path('loaded')));
    assert.deepEqual(JSON.parse(readFileSync(rig.path('loaded'), 'utf8')), []);
  });

  it('keeps it for each form by itself, and not after so much work that its beginning is forgotten', async () => {
    using other = openRig();
    storeRun(other, 1, outcome({ lr: 0.1 }, { acc: 0.7 }));
    const kept = () =>
      readdirSync(other.path('home/cache/compile')).filter((name) => name.startsWith('list'));
    other.write({ 'work.cjs': 'while (process.cpuUsage().user < 2.1e6);' });
    const env = { NODE_OPTIONS: `--require=${other.path('work.cjs')}` };
    assert.equal((await other.same(['list', 'runs'], { env })).code, 0);
    assert.deepEqual(kept(), []);
    for (const words of [
      [],
      ['--where', 'metrics.acc > 0', '--sort=parameters.lr'],
      ['--sort', 'parameters.lr'],
    ])
      assert.equal((await other.same(['list', 'runs', ...words])).code, 0);
    assert.deepEqual(kept().sort(), ['list', 'list--sort', 'list--sort--where']);
  });

  it('says the same as where the argument parser has its words', async () => {
    for (const words of [
      [],
      ['-n', 'study'],
      ['-n', 'nothing'],
      ['-n', 'a:b:c:d'],
      ['--name=study:1.0', '--json'],
      ['--where', 'metrics.acc > 0.8', '--sort', '-metrics.acc'],
      ['--where', 'metrics.acc >', '--sort', 'x,,y', '--limit', '0'],
      ['--where', 'metrics.ac > 0.8'],
      ['--where', 'parameters.lr < 0', '-q'],
      ['--columns=id,metrics.*', '--format', 'csv'],
      ['--columns', 'id', '--format', 'md'],
      ['--format', 'xml'],
      ['--format', 'csv', '--json'],
      ['--limit', '-1'],
      ['--limit', 'all', '--quiet', '--columns', 'id'],
      ['-n', '-q'],
    ]) {
      // The end of options is left to the argument parser; what is asked for is the same.
      for (const noun of ['runs', 'run']) {
        const one = await rig.same(['list', noun, ...words]);
        const other = await rig.same(['list', noun, ...words, '--']);
        const said = [one.code, one.stdout, one.stderr];
        assert.deepEqual(said, [other.code, other.stdout, other.stderr], words.join(' '));
      }
    }
  });

  it('leaves to the argument parser what it takes and refuses', async () => {
    for (const [words, code, said] of [
      [['--help'], 0, /Usage: same list runs/],
      [['--where'], 2, /argument missing/],
      [['--where', '--json'], 2, /needs a value/],
      [['--wher', 'x'], 2, /unknown option/],
      [['study'], 2, /same list runs -n study/],
    ] as const) {
      const ended = await rig.same(['list', 'runs', ...words]);
      assert.deepEqual([ended.code, said.test(ended.stdout + ended.stderr)], [code, true], words.join(' '));
    }
  });
});
