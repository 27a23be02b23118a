import { after } from 'node:test';
import { openWire } from '../../src/host/exchange.ts';
import { openRepository } from '../../src/registry/oci-repository.ts';
import { openSession } from '../../src/registry/session.ts';
import { startFaultRegistry } from '../components/fault-registry.ts';
import { repositoryContract } from '../contract/repository.ts';

const kinds = [
  ['a registry of the specification', 'api', true, {}],
  ['one of before it', 'tag', false, { referrers: 'none', mount: false, locations: 'query', pageSize: 5 }],
  ['one that takes no pieces', 'api', true, { refusePatch: 405, ranges: false, digestHeader: false }],
  [
    'one that pretends',
    'tag',
    true,
    { referrers: 'empty', subjectHeader: 'always', locations: 'state', pageSize: 1 },
  ],
] as const;

for (const [name, referrers, mounts, features] of kinds) {
  const server = await startFaultRegistry({ features });
  after(() => server.dispose());
  const open = async (repository: string) =>
    openRepository(
      openSession({
        host: server.host,
        access: { plainHttp: true },
        findLogin: async () => undefined,
        wire: openWire(),
        clock: { nowMs: () => 0, sleep: async () => {} },
      }),
      { host: server.host, repository },
      { chunkBytes: 2 ** 20 },
    );
  repositoryContract(name, open, { referrers, mounts });
}
