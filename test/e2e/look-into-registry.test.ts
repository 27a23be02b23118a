import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { type FaultRegistry, startFaultRegistry } from '../components/fault-registry.ts';
import { startRegistry, unavailable } from '../components/registry.ts';
import { assertRefused, listing } from './refusal.ts';
import { type Ended, manifest, openRig, type Rig } from './rig.ts';

async function works(rig: Rig, words: string[], env: Record<string, string> = {}): Promise<Ended> {
  const ended = await rig.same(words, { env });
  assert.equal(ended.code, 0, ended.stderr);
  return ended;
}

const study = {
  'study/same.yaml': manifest(
    'run: [sh, -c, "echo loss: 0.5 && echo done > out.txt"]\noutputs: {out: {path: out.txt}}',
    'metrics: {loss: {from: main.stdout, regex: "loss: ([0-9.]+)"}}',
  ),
  'study/README.md': '# Study\n',
};

/** Makes a program and runs it twice. @returns the digest of the program, and ids of its runs, newest first */
async function authored(rig: Rig): Promise<{ program: string; ids: string[] }> {
  rig.write(study);
  const { digest } = (await works(rig, ['create', '-f', 'study', '--json'])).json();
  for (let runs = 0; runs < 2; runs++) await works(rig, ['run', 'study:1.0']);
  const { items } = (await works(rig, ['list', 'runs', '--json'])).json();
  return { program: digest, ids: items.map(({ id }: { id: string }) => id) };
}

describe('a program in a registry, looked at', () => {
  let author: Rig;
  let reader: Rig;
  let registry: FaultRegistry;
  let program: string;
  let ids: string[];
  let at: string;
  before(async () => {
    [author, reader] = [openRig(), openRig()];
    registry = await startFaultRegistry();
    ({ program, ids } = await authored(author));
    const there = [`oci://${registry.host}/lab`, '--plain-http'];
    await works(author, ['push', 'study:1.0', ...there, '--history', 'all']);
    await works(author, ['commit', 'study:1.0', '--as', '1.1']);
    await works(author, ['push', 'study:1.1', ...there, '--history', 'none']);
    await works(reader, ['create', 'alias', 'lab', `oci://${registry.host}/lab`]);
    at = `oci://${registry.host}/lab/study`;
  });
  after(async () => {
    for (const rig of [author, reader]) rig[Symbol.dispose]();
    await registry.dispose();
  });

  it('is shown like a bundle of it, and nothing of it is stored', async () => {
    const before = listing(reader.home);
    const text = await works(reader, ['show', 'oci://lab/study:1.0', '--plain-http']);
    assert.match(
      text.stdout,
      new RegExp(`^study:1.0\\ndigests\\n  program  ${program}\\n  pinned   ${at}@${program}\\n`),
    );
    assert.match(text.stdout, /2 runs travel along, of 1 program\n/);
    const shown = (await works(reader, ['show', 'oci://lab/study:1.0', '--plain-http', '--json'])).json();
    await works(author, ['export', '-n', 'study:1.0', '--history', 'all', '-o', 'study.tgz']);
    const bundle = (await works(reader, ['show', author.path('study.tgz'), '--json'])).json();
    for (const key of ['name', 'version', 'manifest', 'lock', 'runs'])
      assert.deepEqual(shown[key], bundle[key], key);
    assert.deepEqual(shown.digests, { program });
    assert.deepEqual(shown.remote, { pinned: `${at}@${program}`, left: [] });
    assert.deepEqual(listing(reader.home), before);
  });

  it('is the highest version, unless another one or a digest is said', async () => {
    const version = async (reference: string) =>
      (await works(reader, ['show', reference, '--plain-http', '--json'])).json().version;
    assert.equal(await version('oci://lab/study'), '1.1');
    assert.equal(await version(`oci://lab/study@${program}`), '1.0');
  });

  it('is unpacked as the tree that it was made from, without its runs being read', async () => {
    registry.log.length = 0;
    await works(reader, ['unpack', 'oci://lab/study:1.0', '--plain-http', '-o', 'tree']);
    for (const [path, text] of Object.entries(study))
      assert.equal(readFileSync(reader.path(path.replace('study', 'tree')), 'utf8'), text);
    const { digest } = (await works(reader, ['create', '-f', 'tree', '--json'])).json();
    assert.equal(digest, program);
    await works(reader, ['delete', 'study:1.0']);
  });

  it('is whole when all of it is fetched and checked, whatever is in the home', async () => {
    for (const rig of [reader, author]) {
      registry.log.length = 0;
      const verified = await works(rig, ['verify', 'integrity', `${at}:1.0`, '--plain-http']);
      assert.equal(verified.stdout, `${at}:1.0 is whole\n`);
      assert.match(
        verified.stderr,
        new RegExp(`^  program ${program}\nstore it with: same pull ${at}:1.0\n$`),
      );
      assert.ok(registry.asked('GET', /\/blobs\//).length > 4);
    }
    const { what, findings, remote } = (
      await works(reader, ['verify', 'integrity', `${at}:1.0`, '--plain-http', '--json'])
    ).json();
    assert.deepEqual([what, findings, remote], ['remote', [], { program, left: [] }]);
  });

  it('has runs that are listed without a blob being read', async () => {
    registry.log.length = 0;
    const { kind, items } = (
      await works(reader, ['list', 'runs', 'oci://lab/study', '--plain-http', '--json'])
    ).json();
    assert.deepEqual([kind, items.map(({ id }: { id: string }) => id)], ['RemoteRunList', ids]);
    const [{ status, metrics, program: ran }] = items;
    assert.deepEqual(
      [status, metrics, ran],
      ['succeeded', 'main.loss=0.5', { name: 'study', version: '1.0', digest: program }],
    );
    assert.deepEqual(registry.asked(undefined, /\/blobs\//), []);
    const text = await works(reader, ['list', 'runs', `${at}:1.0`, '--plain-http']);
    assert.match(
      text.stdout,
      new RegExp(`^RUN +PROGRAM +STATUS +METRICS\n${ids[0]} +study:1.0 +succeeded +main.loss=0.5\n`),
    );
    const none = await works(reader, ['list', 'runs', `${at}:1.1`, '--plain-http']);
    assert.deepEqual(
      [none.stdout, none.stderr],
      [
        '',
        `no runs are there beside ${at}:1.1 itself; those of versions it was made from: same show program ${at}:1.1\n`,
      ],
    );
  });

  it('is damaged where a run is, which only those who want none do without', async () => {
    const repository = registry.content.repository('lab/study');
    const run = [...repository.manifests].find(([, { parsed }]) => parsed.artifactType?.includes('.run.'))!;
    const { digest } = run[1].parsed.layers![0]!;
    const whole = repository.blobs.get(digest)!;
    repository.blobs.set(digest, Buffer.from(whole.toString().replace('succeeded', 'succeedeD')));
    try {
      const verified = await reader.same(['verify', 'integrity', `${at}:1.0`, '--plain-http', '--json']);
      assert.equal(verified.code, 7, verified.stderr);
      const { findings } = verified.json();
      assert.deepEqual(
        findings.map(({ code }: { code: string }) => code),
        ['SAME1301'],
      );
      await assertRefused(reader, ['show', `${at}:1.0`, '--plain-http'], { code: 'SAME1301', exit: 7 });
      await works(reader, ['unpack', `${at}:1.0`, '--plain-http', '-o', 'again']);
    } finally {
      repository.blobs.set(digest, whole);
    }
  });

  it('is refused with a run that is none, which anybody may have put there, and the way around it', async () => {
    const { content } = registry;
    const { bytes, parsed } = content.repository('lab/study').manifests.get(program)!;
    const subject = { mediaType: parsed.mediaType!, digest: program, size: bytes.length };
    const config = content.blob('lab/study', '{}', 'application/vnd.oci.empty.v1+json');
    const record = content.blob('lab/study', '{}', 'application/vnd.same.run.record.v1+json');
    const annotations = { 'dev.same.run.id': 'zzz', 'dev.same.run.status': 'succeeded' };
    const artifactType = 'application/vnd.same.run.v1+json';
    const members = { artifactType, config, layers: [record], subject, annotations };
    const manifest = { schemaVersion: 2, mediaType: subject.mediaType, ...members };
    const { digest } = content.manifest('lab/study', manifest);
    try {
      await assertRefused(reader, ['show', `${at}:1.0`, '--plain-http'], {
        code: 'SAME1302',
        exit: 7,
        hint: `same pull ${at}:1.0 --history none`,
      });
      const listed = await works(reader, ['list', 'runs', `${at}:1.0`, '--plain-http', '--json']);
      assert.deepEqual(
        listed.json().items.map(({ id }: { id: string }) => id),
        ['zzz', ...ids],
      );
    } finally {
      content.repository('lab/study').manifests.delete(digest);
    }
  });

  it('is refused where it is not there, is another thing, or is not in a registry at all', async () => {
    registry.content.manifest('lab/image', { schemaVersion: 2 }, { tag: '1.0' });
    for (const verb of ['show', 'unpack', 'verify']) {
      for (const [words, refusal] of [
        [['oci://lab/study:2', '--plain-http'], { code: 'SAME1803', exit: 3, message: 'versions: 1.0, 1.1' }],
        [['oci://lab/study:1.0'], { code: 'SAME1801', exit: 6, hint: '--plain-http' }],
        [['./nothing.tgz', '--plain-http'], { code: 'SAME1902', message: '--plain-http has nothing to do' }],
        [
          ['study', '--ca', 'x'],
          { code: 'SAME1902', message: '--ca has nothing to do: study is in no registry' },
        ],
      ] as const)
        await assertRefused(reader, [verb, ...words], refusal);
    }
    for (const verb of ['show', 'unpack'])
      await assertRefused(reader, [verb, 'oci://lab/image:1.0', '--plain-http'], {
        code: 'SAME1306',
        exit: 2,
      });
    const verified = await reader.same([
      'verify',
      'integrity',
      'oci://lab/image:1.0',
      '--plain-http',
      '--json',
    ]);
    assert.deepEqual([verified.code, verified.json().findings[0].code], [7, 'SAME1306']);
    for (const [words, refusal] of [
      [['oci://lab/study:2', '--plain-http'], { code: 'SAME1803', exit: 3, hint: 'same list tags' }],
      [['study'], { code: 'SAME1902', hint: 'same list runs -n study' }],
      [['oci://lab/study', '-n', 'study'], { code: 'SAME1902', message: '-n is of runs here' }],
      [['--plain-http'], { code: 'SAME1902', message: 'the home is in no registry' }],
    ] as const)
      await assertRefused(reader, ['list', 'runs', ...words], refusal);
  });
});

describe('a real registry behind TLS and a login, looked into', { skip: unavailable() ?? false }, () => {
  it('tells versions, runs and programs as they were pushed', async () => {
    using rig = openRig();
    const registry = await startRegistry();
    try {
      const { program, ids } = await authored(rig);
      const auth = Buffer.from(`${registry.user}:${registry.password}`).toString('base64');
      rig.write({ 'auth.json': JSON.stringify({ auths: { [registry.host]: { auth } } }) });
      const env = { REGISTRY_AUTH_FILE: rig.path('auth.json') };
      const ca = ['--ca', registry.caFile];
      await works(rig, ['create', 'alias', 'default', `oci://${registry.host}/papers`]);
      await works(rig, ['push', 'study:1.0', '--history', 'all', ...ca], env);
      const at = 'oci://default/study';
      assert.equal((await works(rig, ['list', 'tags', at, ...ca], env)).stdout, '1.0\n');
      const { items } = (await works(rig, ['list', 'runs', at, '--json', ...ca], env)).json();
      assert.deepEqual(
        items.map(({ id, status }: { id: string; status: string }) => [id, status]),
        ids.map((id) => [id, 'succeeded']),
      );
      using reader = openRig();
      await works(reader, ['create', 'alias', 'default', `oci://${registry.host}/papers`]);
      const shown = (await works(reader, ['show', at, '--json', ...ca], env)).json();
      assert.deepEqual([shown.digests.program, shown.runs.length], [program, 2]);
      await works(reader, ['verify', 'integrity', at, ...ca], env);
      await works(reader, ['unpack', at, '-o', 'tree', ...ca], env);
      assert.equal((await works(reader, ['create', '-f', 'tree', '--json'])).json().digest, program);
    } finally {
      await registry.dispose();
    }
  });
});
