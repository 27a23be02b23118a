import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { toldRun } from '../../../src/runs/metadata/told-run.ts';
import { begun, digest } from '../record.ts';

describe('a run as a store is told of it', () => {
  const told = (logged: Record<string, Record<string, string>>) => {
    const record = begun();
    const trees = new Map<string, Record<string, string>>();
    const steps = Object.entries(logged).map(([name, files], at) => {
      trees.set(`tree:${at}`, files);
      const artifacts = { digest: `tree:${at}`, sizeBytes: 1 };
      return { ...record.steps[0]!, name, logged: { parameters: {}, tags: {}, runs: [], artifacts } };
    });
    return toldRun(
      {
        record: { ...record, steps, outputs: { model: { digest: digest('0'), sizeBytes: 1 } } },
        tags: {},
      },
      {
        text: async () => undefined,
        tree: async (tree) =>
          Object.entries(trees.get(tree) ?? {}).map(([path, of]) => ({
            path,
            digest: digest(of),
            sizeBytes: 1,
          })),
        async blob(of) {
          return (async function* () {
            yield Buffer.from(of);
          })();
        },
      },
    );
  };

  it('has every file of it by a path of its own, and says which is elsewhere than it was logged', async () => {
    const { artifacts, notes } = await told({
      one: { 'a.txt': '1', 'two/a.txt': '2', 'same/run.json': '3', 'outputs/model': '4' },
      two: { 'a.txt': '5', 'b.txt': '6', 'a.txt/under': '7' },
    });
    const files = artifacts.map(({ path, artifact }) => [path, artifact.digest[7]]);
    assert.deepEqual(files, [
      ['outputs/model', '0'],
      ['a.txt', '1'],
      ['two/a.txt', '2'],
      ['one/same/run.json', '3'],
      ['one/outputs/model', '4'],
      ['55555555/two/a.txt', '5'],
      ['b.txt', '6'],
      ['77777777/two/a.txt/under', '7'],
    ]);
    assert.deepEqual(notes, [
      'file "same/run.json" is told as "one/same/run.json": another is there',
      'file "outputs/model" is told as "one/outputs/model": another is there',
      'file "a.txt" is told as "55555555/two/a.txt": another is there',
      'file "a.txt/under" is told as "77777777/two/a.txt/under": another is there',
    ]);
  });

  it('has files where they were logged, but one that is called as a directory is', async () => {
    const { artifacts, notes } = await told({ one: { 'a/b': '1' }, two: { 'a/c': '2', same: '3' } });
    assert.deepEqual(
      artifacts.map(({ path }) => path),
      ['outputs/model', 'a/b', 'a/c', 'two/same'],
    );
    assert.deepEqual(notes, ['file "same" is told as "two/same": another is there']);
  });
});
