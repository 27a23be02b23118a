import assert from 'node:assert/strict';
import { cpSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { findOras } from '../components/installed.ts';
import { type Registry, startRegistry, unavailable } from '../components/registry.ts';
import { checkout, openRig, type Rig } from '../e2e/rig.ts';
import {
  type Described,
  type Exported,
  exampleWithRun,
  exportForms,
  hardWithRun,
  manifestsOf,
  sha256,
  tool,
  unless,
  works,
} from './study.ts';

const noRegistry = unavailable() ?? false;
const noSkopeo = noRegistry || unless('skopeo');
const oras = findOras();
const noOras = noRegistry || (oras === undefined && !process.env.CI ? 'not on this machine: oras' : false);

const rig = openRig();
let registry: Registry;
let bundle: Exported;
before(async () => {
  bundle = await exportForms(rig, await hardWithRun(rig));
  if (!noRegistry) registry = await startRegistry();
});
after(async () => {
  await registry?.dispose();
  rig[Symbol.dispose]();
});

const login = () => `${registry.user}:${registry.password}`;

/** `skopeo copy`, with the login and the CA for whichever end is the registry. */
function skopeo(where: Rig, from: string, to: string): void {
  const side = (end: 'src' | 'dest', address: string): string[] =>
    address.startsWith('docker:')
      ? [`--${end}-creds`, login(), `--${end}-cert-dir`, registry.caDirectory]
      : [];
  tool(where, 'skopeo', [
    '--insecure-policy',
    'copy',
    '--quiet',
    ...side('src', from),
    ...side('dest', to),
    from,
    to,
  ]);
}

/** Login and CA for oras; `end` says which end of a copy the registry is. */
const trust = (end: '' | 'from-' | 'to-') => [
  `--${end}ca-file=${registry.caFile}`,
  `--${end}username=${registry.user}`,
  `--${end}password=${registry.password}`,
  // oras speaks plain HTTP to localhost unless it is told.
  `--${end}plain-http=false`,
];

/** Asserts that the registry holds manifests and everything they reach, byte for byte what the bundle holds. */
async function holdsTheSameBytes(
  repository: string,
  manifests: ReturnType<typeof manifestsOf>,
): Promise<void> {
  for (const { self, blobs } of manifests) {
    for (const { digest, size } of blobs) {
      const room = digest === self.digest ? 'manifests' : 'blobs';
      const answer = await registry.get(`${repository}/${room}/${digest}`);
      assert.equal(answer.status, 200, `${room} ${digest}`);
      assert.equal(answer.body.length, size);
      assert.ok(answer.body.equals(readFileSync(rig.path(bundle.oci, 'blobs/sha256', digest.slice(7)))));
      assert.equal(answer.digest, digest);
    }
  }
}

const program = (exported: Exported) => manifestsOf(rig, exported).slice(0, 1);
const runOf = (exported: Exported): Described =>
  manifestsOf(rig, exported).find(({ self }) => self.artifactType === 'application/vnd.same.run.v1+json')!
    .self;

test('the registry of these tests lets nobody in without the login', { skip: noRegistry }, async () => {
  assert.equal((await registry.get('', { anonymous: true })).status, 401);
  assert.equal((await registry.get('')).status, 200);
});

describe('skopeo', () => {
  for (const form of ['tgz', 'tar'] as const) {
    test(`pushes the .${form} as it is: same program digest, same bytes of every blob`, {
      skip: noSkopeo,
    }, async () => {
      const repository = `skopeo/${form}`;
      skopeo(
        rig,
        `oci-archive:./${bundle[form]}:${bundle.tag}`,
        `docker://${registry.host}/${repository}:${bundle.tag}`,
      );
      const { status, digest, body } = await registry.get(`${repository}/manifests/${bundle.tag}`);
      assert.equal(status, 200);
      assert.equal(digest, bundle.digests.program);
      assert.equal(sha256(body), bundle.digests.program);
      await holdsTheSameBytes(repository, program(bundle));
    });
  }

  test('pushes the directory', { skip: noSkopeo }, async () => {
    skopeo(
      rig,
      `oci:./${bundle.oci}:${bundle.tag}`,
      `docker://${registry.host}/skopeo/directory:${bundle.tag}`,
    );
    const { digest } = await registry.get(`skopeo/directory/manifests/${bundle.tag}`);
    assert.equal(digest, bundle.digests.program);
  });
});

describe('oras', () => {
  test('pushes the oci-tar: same program digest, same bytes of every blob', { skip: noOras }, async () => {
    const target = `${registry.host}/oras/program:${bundle.tag}`;
    tool(rig, oras!, ['cp', ...trust('to-'), '--from-oci-layout', `./${bundle.tar}:${bundle.tag}`, target]);
    const { digest } = await registry.get(`oras/program/manifests/${bundle.tag}`);
    assert.equal(digest, bundle.digests.program);
    await holdsTheSameBytes('oras/program', program(bundle));
    assert.equal((await registry.get(`oras/program/manifests/${runOf(bundle).digest}`)).status, 404);
  });

  test('takes the runs along with cp -r, and finds them from the program', { skip: noOras }, async () => {
    const target = `${registry.host}/oras/runs:${bundle.tag}`;
    const source = ['--from-oci-layout', `./${bundle.tar}:${bundle.tag}`];
    tool(rig, oras!, ['cp', '-r', ...trust('to-'), ...source, target]);
    const { digest } = await registry.get(`oras/runs/manifests/${bundle.tag}`);
    assert.equal(digest, bundle.digests.program);
    const manifests = manifestsOf(rig, bundle);
    assert.ok(manifests.length >= 2);
    await holdsTheSameBytes('oras/runs', manifests);

    const asked = trust('');
    const discovered = tool(rig, oras!, ['discover', ...asked, '-o', 'json', target]).toString();
    const found = (JSON.parse(discovered).manifests as Described[]).map(({ digest, artifactType }) => ({
      digest,
      artifactType,
    }));
    assert.deepEqual(
      found.sort((a, b) => (a.digest < b.digest ? -1 : 1)),
      manifests
        .slice(1)
        .map(({ self: { digest, artifactType } }) => ({ digest, artifactType }))
        .sort((a, b) => (a.digest < b.digest ? -1 : 1)),
    );
    const run = runOf(bundle).digest;
    const fetched = tool(rig, oras!, ['manifest', 'fetch', ...asked, target.replace(/:[^:]*$/, `@${run}`)]);
    assert.equal(sha256(fetched), run);
    assert.equal(JSON.parse(fetched.toString()).subject.digest, bundle.digests.program);
  });
});

/**
 * Puts blobs that came back from a registry below the other files of the bundle's directory. The clients write an index
 * of their own, which is no bundle's: blobs are what a registry keeps.
 */
function withBlobsOf(where: Rig, study: Exported, pulled: string): string {
  const directory = `${pulled}-bundle`;
  cpSync(where.path(study.oci), where.path(directory), { recursive: true });
  const names = readdirSync(where.path(pulled, 'blobs/sha256'));
  for (const name of names) {
    rmSync(where.path(directory, 'blobs/sha256', name));
    cpSync(where.path(pulled, 'blobs/sha256', name), where.path(directory, 'blobs/sha256', name));
  }
  return directory;
}

const hexes = (manifests: ReturnType<typeof manifestsOf>): string[] =>
  [...new Set(manifests.flatMap(({ blobs }) => blobs.map(({ digest }) => digest.slice(7))))].sort();

describe('the studies of examples/', () => {
  for (const name of readdirSync(join(checkout, 'examples'))) {
    test(`${name} goes by skopeo to a registry and back, and is the same program in another home`, {
      skip: noSkopeo,
    }, async () => {
      using own = openRig();
      await works(own, ['create', '-f', join(checkout, 'examples', name)]);
      const study = await exportForms(own, `${name}:1.0`);
      const remote = `docker://${registry.host}/studies/${name}:${study.tag}`;
      skopeo(own, `oci-archive:./${study.tgz}:${study.tag}`, remote);
      skopeo(own, remote, `oci:./pulled:${study.tag}`);
      const [program] = manifestsOf(own, study);
      assert.deepEqual(readdirSync(own.path('pulled/blobs/sha256')).sort(), hexes([program!]));

      const home = own.path('other');
      const back = withBlobsOf(own, study, 'pulled');
      const imported = (await works(own, ['import', `./${back}`, '--json'], home)).json();
      assert.equal(imported.digests.program, study.digests.program);
      const words = ['export', '-n', `${name}:1.0`, '-o', 'again.tgz', '--json'];
      assert.deepEqual((await works(own, words, home)).json().digests, study.digests);
    });
  }

  test('one goes with its run by oras to a registry and back, and the run is there in another home', {
    skip: noOras,
  }, async () => {
    using own = openRig();
    const reference = await exampleWithRun(own, 'challenger-o-rings');
    const study = await exportForms(own, reference);
    const remote = `${registry.host}/studies/with-run:${study.tag}`;
    const source = ['--from-oci-layout', `./${study.tar}:${study.tag}`];
    tool(own, oras!, ['cp', '-r', ...trust('to-'), ...source, remote]);
    tool(own, oras!, ['cp', '-r', ...trust('from-'), remote, '--to-oci-layout', `./pulled:${study.tag}`]);
    const all = hexes(manifestsOf(own, study));
    const returned = readdirSync(own.path('pulled/blobs/sha256'));
    assert.deepEqual(
      all.filter((hex) => !returned.includes(hex)),
      [],
    );

    // The registry of these tests lists referrers in an index under a tag, which oras brings along.
    for (const hex of returned.filter((hex) => !all.includes(hex))) {
      rmSync(own.path('pulled/blobs/sha256', hex));
    }
    const home = own.path('other');
    await works(own, ['import', `./${withBlobsOf(own, study, 'pulled')}`], home);
    const mine = (await works(own, ['show', 'run', 'latest', '--json'])).json();
    const theirs = (await works(own, ['show', 'run', mine.id, '--json'], home)).json();
    assert.equal(theirs.status, 'succeeded');
    assert.deepEqual(theirs.metrics, mine.metrics);
  });
});
