import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { MEDIA } from '../../src/bundle/oci.ts';
import type { BundleForm } from '../../src/operations/bundle-forms.ts';
import { type Copied, copyProgram } from '../../src/operations/copy-program.ts';
import { exportProgram } from '../../src/operations/export-program.ts';
import { importBundle } from '../../src/operations/import-bundle.ts';
import type { Ports } from '../../src/operations/ports.ts';
import { pullProgram } from '../../src/operations/pull-program.ts';
import { pushProgram } from '../../src/operations/push-program.ts';
import type { HistoryChoice } from '../../src/operations/select-runs.ts';
import type { StoredRepository } from '../components/fault-content.ts';
import { type FaultRegistry, startFaultRegistry } from '../components/fault-registry.ts';
import { runId } from '../properties/bundles.ts';
import { type Filled, fill, NAME } from '../properties/filled-homes.ts';
import { openHome } from '../properties/homes.ts';

/** Sources and destinations, and how the name of a bundle in that form ends. */
const ENDS = { registry: undefined, tgz: '.tgz', tar: '.tar', directory: '.oci' } as const;
const FORMS: Record<string, BundleForm> = { tgz: 'tgz', tar: 'oci-tar', directory: 'oci-dir' };
/** Of the first program: 0 succeeded, 1 failed. Of the second: 2 and 3 succeeded, 3 being of somebody else. */
const RUNS = [
  { of: 0, status: 'succeeded', own: true },
  { of: 0, status: 'failed', own: true },
  { of: 1, status: 'succeeded', own: true },
  { of: 1, status: 'succeeded', own: false },
] as const;

/** Every file below a directory, or of a file itself, by path. */
function filesAt(path: string): Record<string, string> {
  if (statSync(path).isFile()) return { '': readFileSync(path, 'base64') };
  const files = readdirSync(path, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(
    files.map(({ parentPath, name }) => [
      join(parentPath, name).slice(path.length),
      readFileSync(join(parentPath, name), 'base64'),
    ]),
  );
}

const contentOf = ({ manifests, blobs, tags }: StoredRepository) => ({
  manifests: [...manifests.keys()].sort(),
  blobs: [...blobs.keys()].sort(),
  tags: Object.fromEntries(tags),
});

const runsIn = ({ manifests }: StoredRepository) =>
  [...manifests.values()]
    .filter(({ parsed }) => parsed.artifactType === MEDIA.run)
    .map(({ parsed }) => parsed.annotations!['dev.same.run.id'])
    .sort();

describe('a copy', () => {
  const directory = mkdtempSync(join(tmpdir(), 'same-copies-'));
  const path = (name: string) => join(directory, name);
  let registry: FaultRegistry;
  let author: Ports;
  /** A home that nothing comes into. */
  let nowhere: Ports;
  let filled: Filled;
  const at = (namespace: string) => `oci://${registry.host}/${namespace}/${NAME}:1.2`;
  const repository = (namespace: string) => registry.content.repository(`${namespace}/${NAME.toLowerCase()}`);
  const sourceOf = (end: string) => (end === 'registry' ? at('all') : path(`all${ENDS[end as 'tgz']}`));

  function copied(
    source: string,
    destination: string,
    options: { history?: HistoryChoice; force?: boolean; ports?: Ports } = {},
  ): Promise<Copied> {
    const access = `${source} ${destination}`.includes('oci://') ? { plainHttp: true } : {};
    const { ports = nowhere, force = false, history } = options;
    return copyProgram(ports, { source, destination, history, force, access });
  }

  before(async () => {
    registry = await startFaultRegistry();
    [author, nowhere] = [openHome(path('author')), openHome(path('nowhere'))];
    filled = await fill(author, {
      files: [{ path: 'train.sh', executable: true, bytes: Buffer.alloc(70_000, 'echo trained\n') }],
      origin: { kind: 'directory' },
      commits: 1,
      runs: RUNS.map((run, index) => ({ ...run, warnings: [], value: index })),
      sayings: [
        // Of the first program, of the second, of the first program's verification, of each run that succeeded.
        { kind: 'verification', of: 100_000, content: { a: 1 } },
        { kind: 'signature', of: 200_000, content: { a: 2 } },
        { kind: 'signature', of: 999_999, content: { a: 3 } },
      ],
      variables: {},
    });
    const history = RUNS.map((_, index) => runId(index));
    for (const [end, form] of Object.entries(FORMS))
      await exportProgram(author, { reference: `${NAME}:1.2`, form, history, output: sourceOf(end) });
    const target = `oci://${registry.host}/all`;
    await pushProgram(author, { reference: `${NAME}:1.2`, history, target, access: { plainHttp: true } });
  });
  after(async () => {
    await registry.dispose();
    rmSync(directory, { recursive: true, force: true });
  });

  for (const from of Object.keys(ENDS)) {
    it(`from a ${from} to anywhere changes no byte, and leaves the home empty`, async () => {
      const { digest: program } = filled.programs[1]!;
      for (const [to, end] of Object.entries(ENDS)) {
        const destination = end === undefined ? at(`of-${from}`) : path(`of-${from}${end}`);
        const copy = await copied(sourceOf(from), destination);
        const { digest, name, version, runs, left, digests, published } = copy;
        assert.deepEqual([digest, name, version, runs, left], [program, NAME, '1.2', 4, []]);
        assert.equal(copy.destination.toLowerCase(), destination.toLowerCase());
        assert.deepEqual(
          [digests?.program, published?.referrers],
          end ? [program, undefined] : [undefined, 'api'],
        );
        if (end) assert.deepEqual(filesAt(destination), filesAt(sourceOf(to)), `${from} to ${to}`);
        else assert.deepEqual(contentOf(repository(`of-${from}`)), contentOf(repository('all')));
      }
      assert.deepEqual([nowhere.content.digests(), nowhere.pins.list()], [[], []]);
    });
  }

  // The forms of a bundle are read by one reader.
  for (const from of ['registry', 'directory']) {
    it(`from a ${from} takes the runs that were asked for, and what is said of them and of nothing else`, async () => {
      const ids = RUNS.map((_, index) => runId(index));
      for (const [choice, wanted, objects] of [
        // The program, its origin, its signature; then the runs, the other program with what is said of it.
        ['none', [], 3],
        ['latest', [3], 4],
        ['all', [0, 1, 2, 3], 10],
        [[ids[1]!], [1], 7],
        [[ids[2]!, ids[3]!], [2, 3], 5],
      ] as const) {
        const namespace = `h-${from}-${String(choice).replaceAll(',', '-')}`;
        const { runs } = await copied(sourceOf(from), at(namespace), { history: choice });
        assert.equal(runs, wanted.length);
        assert.deepEqual(
          runsIn(repository(namespace)),
          wanted.map((index) => ids[index]),
        );
        assert.equal(repository(namespace).manifests.size, objects, `${from} ${String(choice)}`);
        const file = path(`${namespace}.tar`);
        await copied(sourceOf(from), file, { history: choice });
        const output = path(`exported-${objects}.tar`);
        if (!existsSync(output)) {
          const history = wanted.length === 0 ? 'none' : wanted.map((index) => ids[index]!);
          await exportProgram(author, { reference: `${NAME}:1.2`, history, form: 'oci-tar', output });
        }
        assert.deepEqual(filesAt(file), filesAt(output), `${from} ${String(choice)}`);
      }
    });

    it(`from a ${from} refuses a run that is not there, or is named by what several have`, async () => {
      for (const history of [['019d'], ['019c'], ['']]) {
        const refused = copied(sourceOf(from), at('nothing'), { history });
        await assert.rejects(refused, {
          code: 'SAME1608',
          message: /in the registry|of the bundle|of the program/,
        });
      }
      assert.equal(repository('nothing').manifests.size, 0);
    });
  }

  it('of some runs holds what a pull of them stores, and that stores nothing else', async () => {
    for (const [index, history] of ['none' as const, [runId(0)], [runId(3)]].entries()) {
      const file = path(`part-${index}.tar`);
      await copied(at('all'), file, { history });
      const [pulling, importing] = [openHome(path(`pulling-${index}`)), openHome(path(`importing-${index}`))];
      await pullProgram(pulling, { reference: at('all'), history, access: { plainHttp: true } });
      await importBundle(importing, { file });
      assert.deepEqual(pulling.content.digests(), importing.content.digests(), String(history));
      assert.deepEqual(pulling.referrers.subjects(), importing.referrers.subjects(), String(history));
    }
  });

  it('fills a directory that is empty, and no other', async () => {
    mkdirSync(path('empty'));
    await copied(sourceOf('tgz'), path('empty'));
    assert.deepEqual(filesAt(path('empty')), filesAt(sourceOf('directory')));
    await assert.rejects(copied(sourceOf('tgz'), path('empty'), { force: true }), { code: 'SAME1403' });
  });

  it('onto what it is a copy of sends nothing', async () => {
    const before = registry.log.length;
    const { published } = await copied(sourceOf('tgz'), at('all'));
    assert.equal(published!.tally.sent, 0);
    const { published: itself } = await copied(at('all'), at('all'));
    assert.equal(itself!.tally.sent, 0);
    const writes = registry.log.slice(before).filter(({ method }) => method !== 'GET' && method !== 'HEAD');
    assert.deepEqual(writes, []);
  });

  it('within a registry has the blobs mounted, and reads none of them', async () => {
    const before = registry.log.length;
    const { published } = await copied(at('all'), at('mounted'));
    const asked = registry.log.slice(before);
    assert.equal(published!.tally.mounted, repository('mounted').blobs.size);
    assert.equal(published!.tally.sent, repository('mounted').manifests.size);
    const posts = asked.filter(({ method }) => method === 'POST');
    assert.ok(posts.length > 0);
    for (const { query, status } of posts) {
      assert.equal(query.get('from'), `all/${NAME.toLowerCase()}`);
      assert.equal(status, 201);
    }
    const layers = repository('all').manifests.get(filled.programs[1]!.digest)!.parsed.layers!;
    for (const { digest } of layers)
      assert.deepEqual(
        asked.filter(({ method, path: asking }) => method === 'GET' && asking.endsWith(digest)),
        [],
      );
  });

  it('that a registry will not mount is sent, from one repository to the other', async () => {
    registry.features.mount = false;
    try {
      const { published } = await copied(at('all'), at('sent'));
      assert.equal(published!.tally.mounted, 0);
      assert.deepEqual(contentOf(repository('sent')), contentOf(repository('all')));
    } finally {
      registry.features.mount = true;
    }
  });

  it('into a file says SOURCE_DATE_EPOCH as an export does, and into a registry does not look at it', async () => {
    const dated = openHome(path('nowhere'), { SOURCE_DATE_EPOCH: '1700000000' });
    const exporting = openHome(path('author'), { SOURCE_DATE_EPOCH: '1700000000' });
    const history = RUNS.map((_, index) => runId(index));
    const output = path('dated.tgz');
    const { digests } = await exportProgram(exporting, { reference: `${NAME}:1.2`, history, output });
    for (const from of Object.keys(ENDS)) {
      const destination = path(`dated-${from}.tgz`);
      const copy = await copied(sourceOf(from), destination, { ports: dated });
      assert.deepEqual(copy.digests, digests);
      assert.deepEqual(filesAt(destination), filesAt(output), from);
    }
    const { digests: undated } = await copied(output, path('undated.tgz'));
    assert.notEqual(undated!.index, digests.index);
    const wrong = openHome(path('nowhere'), { SOURCE_DATE_EPOCH: 'yesterday' });
    await assert.rejects(copied(sourceOf('tgz'), path('wrong.tgz'), { ports: wrong }), {
      code: 'SAME1902',
      message: /^SAME1902 SOURCE_DATE_EPOCH is "yesterday"/,
    });
    await copied(sourceOf('tgz'), at('dated'), { ports: wrong });
    assert.deepEqual(contentOf(repository('dated')), contentOf(repository('all')));
  });
});
