import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { type Certificates, makeCertificates } from '../components/certificates.ts';
import { type Registry, startRegistry } from '../components/registry.ts';
import { kinds, type RegistryKind, unavailable } from '../components/registry-kinds.ts';
import { type Ended, openRig } from '../e2e/rig.ts';
import { type Clients, noClients, openClients, writeLogins } from './clients.ts';
import {
  type Described,
  type Exported,
  exportForms,
  hardWithRun,
  manifestsOf,
  sha256,
  works,
} from './study.ts';

const skip = kinds.map((kind) => unavailable(kind)).find((why) => why !== undefined) ?? noClients();
const RUN = 'application/vnd.same.run.v1+json';

const rig = openRig();
const registries = new Map<RegistryKind, Registry>();
let certificates: Certificates;
let clients: Clients;
let reference: string;
/** What the home holds, as a bundle: the measure of everything that comes out of a registry. */
let bundle: Exported;
let manifests: ReturnType<typeof manifestsOf>;

before(async () => {
  if (skip) return;
  certificates = makeCertificates(rig.root);
  for (const kind of kinds) registries.set(kind, await startRegistry({ kind, certificates }));
  writeLogins(rig, [...registries.values()]);
  clients = openClients(rig, certificates.caFile);
  reference = await hardWithRun(rig);
  await works(rig, ['run', reference]);
  bundle = await exportForms(rig, reference);
  manifests = manifestsOf(rig, bundle);
});
after(async () => {
  for (const registry of registries.values()) await registry.dispose();
  rig[Symbol.dispose]();
});

/** Runs `same` with the test CA, with the logins of docker's file alone. */
function same(words: string[], home?: string): Promise<Ended> {
  const settings = { DOCKER_CONFIG: undefined, REGISTRY_AUTH_FILE: undefined };
  return rig
    .same([...words, '--ca', certificates.caFile], {
      env: { ...settings, ...(home ? { SAME_HOME: home } : {}) },
    })
    .then((ended) => {
      assert.equal(ended.code, 0, `same ${words.join(' ')}\n${ended.stderr}`);
      assert.ok(!`${ended.stdout}${ended.stderr}`.includes('s3cret'));
      return ended;
    });
}

const at = (kind: RegistryKind, repository: string): string =>
  `${registries.get(kind)!.host}/${repository}:${bundle.tag}`;
const digests = (all: readonly { digest: string }[]): string[] => all.map(({ digest }) => digest).sort();
/** Everything that refers to the program: its runs and its origin. */
const referrers = (): Described[] => manifests.slice(1).map(({ self }) => self);
const runs = (): Described[] => referrers().filter(({ artifactType }) => artifactType === RUN);

/** The runs that a home shows, newest first. */
async function listedRuns(home?: string): Promise<{ id: string; status: string; own: boolean }[]> {
  const { items } = (await works(rig, ['list', 'runs', '--json'], home)).json();
  return items.map(({ id, status, own }: { id: string; status: string; own: boolean }) => ({
    ...{ id, status, own },
  }));
}

for (const [index, kind] of kinds.entries()) {
  describe(`what same pushes to ${kind}`, { skip }, () => {
    const program = () => at(kind, 'lab/hard');

    before(async () => {
      const target = `oci://${registries.get(kind)!.host}/lab`;
      const pushed = (await same(['push', reference, target, '--history', 'latest', '--json'])).json();
      assert.equal(pushed.digest, bundle.digests.program);
      const [latest, earlier] = await listedRuns();
      assert.deepEqual(pushed.runs, [latest!.id]);
      await same(['push', 'run', earlier!.id, target]);
    });

    test('is there byte for byte, runs that were pushed later too, and nothing is sent again', async () => {
      assert.equal(runs().length, 2);
      for (const { self, blobs } of manifests) {
        for (const { digest, size } of blobs) {
          const room = digest === self.digest ? 'manifests' : 'blobs';
          const answer = await registries.get(kind)!.get(`lab/hard/${room}/${digest}`);
          assert.equal(answer.status, 200, `${room} ${digest}`);
          assert.equal(answer.body.length, size);
          assert.ok(
            answer.body.equals(readFileSync(rig.path(bundle.oci, 'blobs/sha256', digest.slice(7)))),
            `${room} ${digest}`,
          );
        }
      }
      const again = (await same(['push', reference, '--history', 'all', '--json'])).json();
      assert.deepEqual([again.sent, again.mounted, again.sentBytes], [0, 0, 0]);
    });

    test('is read by crane: the same digest, the same bytes', () => {
      assert.equal(clients.crane('digest', program()).toString().trim(), bundle.digests.program);
      assert.equal(sha256(clients.crane('manifest', program())), bundle.digests.program);
      const tags = clients
        .crane('ls', program().replace(/:[^:]*$/, ''))
        .toString()
        .trim()
        .split('\n');
      assert.deepEqual(
        tags.filter((tag) => !tag.startsWith('sha256-')),
        [bundle.tag],
      );
    });

    test('is read by oras: pulled, and its runs and origin discovered', () => {
      const pulled = JSON.parse(
        clients.oras(['pull', program(), '-o', `oras-${kind}`, '--format', 'json']).toString(),
      );
      assert.match(pulled.reference, new RegExp(`@${bundle.digests.program}$`));
      const found = JSON.parse(clients.oras(['discover', '-o', 'json', program()]).toString());
      assert.deepEqual(digests(found.manifests), digests(referrers()));
    });

    test('is read by regctl: the manifest as its author wrote it, the list of runs, and one run by its id', () => {
      const yaml = 'application/vnd.same.manifest.v1+yaml';
      const written = clients.regctl('artifact', 'get', program(), '--file-media-type', yaml);
      assert.equal(written.toString(), readFileSync(rig.path('hard/same.yaml'), 'utf8'));
      const list = clients.regctl('artifact', 'list', program(), '--format', '{{json .Descriptors}}');
      assert.deepEqual(digests(JSON.parse(list.toString())), digests(referrers()));
      const tree = clients.regctl('artifact', 'tree', program()).toString();
      for (const { digest } of [manifests[0]!.self, ...referrers()]) assert.ok(tree.includes(digest), tree);
      for (const run of runs()) {
        const manifest = JSON.parse(
          readFileSync(rig.path(bundle.oci, 'blobs/sha256', run.digest.slice(7)), 'utf8'),
        );
        const id = manifest.annotations['dev.same.run.id'];
        const chosen = ['--subject', program(), '--filter-annotation', `dev.same.run.id=${id}`];
        const record = clients.regctl(
          'artifact',
          'get',
          ...chosen,
          '--file-media-type',
          manifest.layers[0].mediaType,
        );
        assert.equal(sha256(record), manifest.layers[0].digest);
      }
    });

    test('goes by skopeo to a directory and back, and is the same program there', async () => {
      clients.skopeo(`docker://${program()}`, `oci:./skopeo-${kind}:${bundle.tag}`);
      assert.deepEqual(
        readdirSync(rig.path(`skopeo-${kind}`, 'blobs/sha256')).sort(),
        [...new Set(digests(manifests[0]!.blobs))].map((digest) => digest.slice(7)),
      );
      clients.skopeo(`oci:./skopeo-${kind}:${bundle.tag}`, `docker://${at(kind, 'back/hard')}`);
      assert.equal(clients.crane('digest', at(kind, 'back/hard')).toString().trim(), bundle.digests.program);
      const home = rig.path(`home-back-${kind}`);
      const pulled = (
        await same(
          ['pull', `oci://${at(kind, 'back/hard')}`.replace(bundle.tag, reference.slice(5)), '--json'],
          home,
        )
      ).json();
      assert.equal(pulled.digest, bundle.digests.program);
    });

    test('goes by oras cp -r to the next registry, and same pulls it from there with its runs', async () => {
      const next = kinds[(index + 1) % kinds.length]!;
      clients.oras(['cp', '-r', program(), at(next, `from-${kind}/hard`)], ['from-', 'to-']);
      const home = rig.path(`home-${kind}`);
      const address = `oci://${registries.get(next)!.host}/from-${kind}/${reference}`;
      const pulled = (await same(['pull', address, '--json'], home)).json();
      assert.equal(pulled.digest, bundle.digests.program);
      const mine = await listedRuns();
      assert.deepEqual([pulled.runs, mine.length], [2, 2]);
      assert.deepEqual(
        await listedRuns(home),
        mine.map((run) => ({ ...run, own: false })),
      );
      const there = (await same(['list', 'runs', address, '--json'], home)).json().items;
      assert.deepEqual(there.map(({ id }: { id: string }) => id).sort(), mine.map(({ id }) => id).sort());
      // What was pulled is exported as what was pushed: the program, the runs, the origin.
      const words = [
        'export',
        '-n',
        reference,
        '--history',
        'all',
        '-o',
        rig.path(`again-${kind}.tgz`),
        '--json',
      ];
      assert.deepEqual((await works(rig, words, home)).json().digests, bundle.digests);
    });

    test('goes by same copy to the next registry, where others find its runs, and from there to a file', async () => {
      const next = kinds[(index + 1) % kinds.length]!;
      const from = `oci://${registries.get(kind)!.host}/lab/${reference}`;
      const to = `oci://${registries.get(next)!.host}/copied-${kind}`;
      await same(['copy', from, to]);
      const copied = at(next, `copied-${kind}/hard`);
      assert.equal(clients.crane('digest', copied).toString().trim(), bundle.digests.program);
      const found = JSON.parse(clients.oras(['discover', '-o', 'json', copied]).toString());
      assert.deepEqual(digests(found.manifests), digests(referrers()));
      await same(['copy', `${to}/${reference}`, `./copied-${kind}.tgz`]);
      const file = readFileSync(rig.path(`copied-${kind}.tgz`));
      assert.equal(sha256(file), bundle.digests.file);
    });
  });

  describe(`what others push to ${kind}`, { skip }, () => {
    const push: Record<string, (target: string) => void> = {
      'skopeo copy oci-archive:': (target) =>
        clients.skopeo(`oci-archive:./${bundle.tgz}:${bundle.tag}`, `docker://${target}`),
      'oras cp --from-oci-layout': (target) => {
        clients.oras(['cp', '--from-oci-layout', `./${bundle.tar}:${bundle.tag}`, target], ['to-']);
      },
    };
    for (const [client, send] of Object.entries(push)) {
      test(`a bundle pushed by ${client} is created by its address and run`, async () => {
        const namespace = client.slice(0, 4);
        send(at(kind, `${namespace}/hard`));
        const home = rig.path(`home-${namespace}-${kind}`);
        const address = `oci://${registries.get(kind)!.host}/${namespace}/${reference}`;
        await same(['create', 'program', '-f', address], home);
        const run = (await works(rig, ['run', 'program', reference, '--json'], home)).json();
        assert.equal(run.status, 'succeeded');
        assert.equal(run.program.digest, bundle.digests.program);
      });
    }
  });
}
