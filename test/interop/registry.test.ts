import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Registry, startRegistry, unavailable } from '../components/registry.ts';
import { checkout, openRig, type Rig } from '../e2e/rig.ts';
import {
  type Described,
  type Exported,
  exportForms,
  hardWithRun,
  manifestsOf,
  sha256,
  tool,
  unless,
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

/** The installer knows where it put oras. */
function findOras(): string | undefined {
  using anywhere = openRig();
  try {
    return tool(anywhere, 'sh', [join(checkout, 'scripts/oras.sh')])
      .toString()
      .trim();
  } catch {
    return undefined;
  }
}

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
