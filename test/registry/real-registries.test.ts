import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { openWire } from '../../src/host/exchange.ts';
import { openRepository } from '../../src/registry/oci-repository.ts';
import type { Login, Repository } from '../../src/registry/registry.ts';
import { openSession } from '../../src/registry/session.ts';
import { type Registry, startRegistry } from '../components/registry.ts';
import { kinds, type RegistryKind, unavailable } from '../components/registry-kinds.ts';
import { type RepositoryKind, repositoryContract } from '../contract/repository.ts';

const PIECE_BYTES = 2 ** 20;
/** What the suite expects of each. */
const expected: Record<RegistryKind, RepositoryKind> = {
  'docker-registry': { referrers: 'tag', mounts: true },
  distribution: { referrers: 'tag', mounts: true },
  'go-containerregistry': { referrers: 'api', mounts: false },
};

/** A repository of a registry, with a real clock and real sockets. */
function repositoryOf(registry: Registry, repository: string, login?: Login, plainHttp = false): Repository {
  const { host, caFile } = registry;
  const session = openSession({
    host,
    access: { plainHttp },
    findLogin: async () => login,
    wire: openWire(plainHttp ? {} : { certificates: readFileSync(caFile, 'utf8') }),
    clock: {
      nowMs: Date.now,
      sleep: (ms) => new Promise((done) => setTimeout(done, ms)),
      random: Math.random,
    },
  });
  return openRepository(session, { host, repository }, { chunkBytes: PIECE_BYTES });
}

/**
 * The same, with the type of each referrer from the referrer itself: go-containerregistry lists the type of its config
 * instead, which is why nothing here may depend on a listed type.
 */
function typed(repository: Repository): Repository {
  return {
    ...repository,
    referrers: async (digest) =>
      Promise.all(
        (await repository.referrers(digest)).map(async (listed) => {
          const { bytes } = (await repository.manifest(listed.digest))!;
          return { ...listed, artifactType: JSON.parse(bytes.toString()).artifactType };
        }),
      ),
  };
}

for (const kind of kinds) {
  const opened = kind === 'go-containerregistry' ? typed : (repository: Repository) => repository;
  const skip = unavailable(kind) ?? false;

  describe(`${kind} over TLS with a login`, { skip }, () => {
    let registry: Registry;
    before(async () => {
      registry = await startRegistry({ kind });
    });
    after(() => registry?.dispose());
    const login = () => ({ username: registry.user, password: registry.password });

    test('lets nobody in without it, and no one with another', async () => {
      assert.equal((await registry.get('', { anonymous: true })).status, 401);
      for (const wrong of [undefined, { ...login(), password: 'wr0ng-word' }]) {
        const repository = repositoryOf(registry, 'contract/closed', wrong);
        await assert.rejects(repository.resolve('1.0'), (error: Error & { code: string }) => {
          assert.equal(error.code, 'SAME1802');
          assert.ok(error.message.includes(registry.host), error.message);
          assert.ok(!error.message.includes('wr0ng-word'));
          return true;
        });
        repository.close();
      }
    });

    repositoryContract(kind, async (name) => opened(repositoryOf(registry, name, login())), expected[kind]);
  });

  describe(`${kind} over plain HTTP`, { skip }, () => {
    let registry: Registry;
    before(async () => {
      registry = await startRegistry({ kind, plainHttp: true });
    });
    after(() => registry?.dispose());

    repositoryContract(
      `${kind}, plain`,
      async (name) => opened(repositoryOf(registry, name, undefined, true)),
      expected[kind],
    );
  });
}
