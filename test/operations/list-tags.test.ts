import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { listTags } from '../../src/operations/list-tags.ts';
import type { Ports } from '../../src/operations/ports.ts';

/** A registry whose only repository has these tags; what was opened and closed is noted. */
function registryWith(tags: string[]) {
  const seen = { opened: [] as unknown[], closed: 0 };
  const ports = {
    async openRepository(address: { host: string; repository: string }, access: unknown) {
      seen.opened.push([address, access]);
      return {
        label: `oci://${address.host}/${address.repository}`,
        tags: async () => tags,
        close: () => seen.closed++,
      };
    },
  };
  return { ports: ports as unknown as Ports, seen };
}

const list = (tags: string[], reference = 'oci://ghcr.io/Org/Study') =>
  listTags(registryWith(tags).ports, { reference, access: {} });

describe('the versions of a repository', () => {
  it('are listed highest first, and are spelt as versions', async () => {
    const { repository, versions } = await list(['1.10', '1.0-rc.1', '2', 'main', '1.9', '1.0_b', '1.0']);
    assert.equal(repository, 'oci://ghcr.io/org/study');
    assert.deepEqual(
      versions.map(({ version }) => version),
      ['2', '1.10', '1.9', '1.0+b', '1.0', '1.0-rc.1', 'main'],
    );
    assert.deepEqual(versions[3], { version: '1.0+b', tag: '1.0_b' });
  });

  it('are told apart from other tags, and lists of what refers to a digest are neither', async () => {
    const fallback = `sha256-${'a'.repeat(64)}`;
    const { versions, others } = await list(['latest', '1.0', '_x', fallback, `${fallback}.sig`, 'A_-']);
    assert.deepEqual(versions, [
      { version: '1.0', tag: '1.0' },
      { version: 'A+-', tag: 'A_-' },
    ]);
    assert.deepEqual(others, ['_x', 'latest']);
    assert.deepEqual(await list([]), { repository: 'oci://ghcr.io/org/study', versions: [], others: [] });
  });

  it('are those of one repository, which is left when they are known, or cannot be', async () => {
    const { ports, seen } = registryWith(['1.0']);
    const access = { plainHttp: true };
    await listTags(ports, { reference: 'oci://LOCALHOST:5000/a/B', access });
    assert.deepEqual(seen, {
      opened: [[{ host: 'localhost:5000', repository: 'a/b' }, access]],
      closed: 1,
    });
    for (const [reference, code] of [
      ['oci://ghcr.io/org/study:1.0', 'SAME1902'],
      [`oci://ghcr.io/org/study@sha256:${'a'.repeat(64)}`, 'SAME1902'],
      ['study', 'SAME1805'],
    ] as const)
      await assert.rejects(list([], reference), { code });
  });
});
