import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type FaultRegistry, startFaultRegistry } from '../components/fault-registry.ts';
import { assertRefused } from './refusal.ts';
import { openRig, type Rig } from './rig.ts';

describe('the versions of a program in a registry', () => {
  let rig: Rig;
  let registry: FaultRegistry;
  before(async () => {
    rig = openRig();
    registry = await startFaultRegistry({ features: { pageSize: 2 } });
    const { content } = registry;
    for (const tag of ['1.0', '1.10', '1.9_b', 'latest', `sha256-${'a'.repeat(64)}`])
      content.manifest('lab/study', { schemaVersion: 2, tag }, { tag });
    content.manifest('lab/none', { schemaVersion: 2 });
  });
  after(async () => {
    rig[Symbol.dispose]();
    await registry.dispose();
  });

  it('are listed from all pages, highest first', async () => {
    const reference = `oci://${registry.host}/Lab/Study`;
    const listed = await rig.same(['list', 'tags', reference, '--plain-http']);
    assert.deepEqual(
      [listed.code, listed.stdout, listed.stderr],
      [0, '1.10\n1.9+b\n1.0\n', '1 other tag says no version: latest\n'],
    );
    assert.deepEqual((await rig.same(['list', 'tag', reference, '--plain-http', '--json'])).json(), {
      apiVersion: 'same/v1',
      kind: 'TagList',
      repository: `oci://${registry.host}/lab/study`,
      items: [
        { version: '1.10', tag: '1.10' },
        { version: '1.9+b', tag: '1.9_b' },
        { version: '1.0', tag: '1.0' },
      ],
      others: ['latest'],
    });
  });

  it('are found by the name that the registry has here', async () => {
    assert.equal((await rig.same(['create', 'alias', 'here', `oci://${registry.host}/lab`])).code, 0);
    const listed = await rig.same(['list', 'tags', 'oci://HERE/study', '--plain-http', '-q']);
    assert.deepEqual([listed.stdout, listed.stderr], ['1.10\n1.9+b\n1.0\n', '']);
  });

  it('are none where nothing has a tag', async () => {
    const listed = await rig.same(['list', 'tags', 'oci://here/none', '--plain-http']);
    assert.deepEqual(
      [listed.code, listed.stdout, listed.stderr],
      [0, '', `no version is in oci://${registry.host}/lab/none\n`],
    );
  });

  it('are asked for in vain where there is no such repository, no registry, or no such name', async () => {
    for (const [words, refusal] of [
      [['oci://here/other', '--plain-http'], { code: 'SAME1803', exit: 3, message: '/lab/other' }],
      [['oci://here/study'], { code: 'SAME1801', exit: 6, hint: '--plain-http' }],
      [['oci://localhost:1/study'], { code: 'SAME1801', exit: 6, message: 'localhost:1' }],
      [['oci://hera/study'], { code: 'SAME1805', exit: 2, message: 'did you mean here?' }],
      [['oci://here/study:1.0'], { code: 'SAME1902', exit: 2, hint: 'same list tags oci://' }],
      [['study'], { code: 'SAME1805', exit: 2, hint: 'oci://study' }],
      [[], { code: 'SAME1902', exit: 2, message: 'reference' }],
    ] as const)
      await assertRefused(rig, ['list', 'tags', ...words], refusal);
  });
});
