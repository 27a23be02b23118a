import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MEDIA } from '../../src/bundle/oci.ts';
import { listRemoteRuns } from '../../src/operations/list-remote-runs.ts';
import type { Ports } from '../../src/operations/ports.ts';

const digest = (letter: string) => `sha256:${letter.repeat(64)}`;
const annotations = (id: string, more: object = {}) => ({
  'dev.same.run.id': id,
  'dev.same.run.status': 'succeeded',
  ...more,
});
const run = (letter: string, id: string) => ({
  digest: digest(letter),
  artifactType: MEDIA.run,
  annotations: annotations(id, { 'dev.same.run.metrics': 'main.loss=1' }),
});

/** A registry with versions 1.0 (a) and 2.0 (b); `read` are the manifests that were read, by digest. */
function registryWith(referrers: Record<string, object[]>, manifests: Record<string, string> = {}) {
  const read: string[] = [];
  const tags: Record<string, string> = { '1.0': digest('a'), '2.0': digest('b'), latest: digest('c') };
  const repository = {
    label: 'oci://ghcr.io/org/study',
    tags: async () => Object.keys(tags),
    resolve: async (text: string) => {
      const found = tags[text] ?? Object.values(tags).find((one) => one === text);
      return found && { digest: found };
    },
    referrers: async (subject: string) => referrers[subject] ?? [],
    manifest: async (of: string) => {
      read.push(of);
      return manifests[of] === undefined ? undefined : { bytes: Buffer.from(manifests[of]) };
    },
    close() {},
  };
  const ports = { openRepository: async () => repository } as unknown as Ports;
  const list = (suffix = '') =>
    listRemoteRuns(ports, { reference: `oci://ghcr.io/org/Study${suffix}`, access: {} });
  return { list, read };
}

describe('the runs of a registry', () => {
  it('are those of every version, or of one, newest first', async () => {
    const { list, read } = registryWith({
      [digest('a')]: [run('1', '01a'), run('2', '03c')],
      [digest('b')]: [run('3', '02b')],
      [digest('c')]: [run('4', '04d')],
    });
    assert.deepEqual(
      (await list()).map(({ id, program }) => [id, program.version]),
      [
        ['03c', '1.0'],
        ['02b', '2.0'],
        ['01a', '1.0'],
      ],
    );
    assert.deepEqual(
      (await list(':2.0')).map(({ id }) => id),
      ['02b'],
    );
    assert.deepEqual(await list(`@${digest('b')}`), [
      {
        id: '02b',
        status: 'succeeded',
        metrics: 'main.loss=1',
        digest: digest('3'),
        program: { name: 'Study', version: '', digest: digest('b') },
      },
    ]);
    assert.deepEqual(read, []);
  });

  it('are told by their manifests where a list says too little, and nothing else is taken for one', async () => {
    const { list, read } = registryWith(
      {
        [digest('a')]: [
          { digest: digest('1') },
          { digest: digest('2'), artifactType: MEDIA.run },
          { digest: digest('3'), artifactType: MEDIA.origin, annotations: annotations('no') },
          { digest: digest('4') },
          { digest: digest('5') },
          { digest: digest('6') },
          { digest: digest('7') },
          { digest: digest('8'), artifactType: MEDIA.run, annotations: { 'dev.same.run.id': 5 } },
        ],
      },
      {
        [digest('1')]: JSON.stringify({ artifactType: MEDIA.run, annotations: annotations('01a') }),
        [digest('2')]: JSON.stringify({ artifactType: MEDIA.run }),
        [digest('4')]: JSON.stringify({ artifactType: MEDIA.signature }),
        [digest('5')]: 'no JSON',
        [digest('6')]: 'null',
      },
    );
    assert.deepEqual(
      (await list(':1.0')).map(({ id, status, metrics, ...found }) => [found.digest, id, status, metrics]),
      [
        [digest('1'), '01a', 'succeeded', ''],
        [digest('2'), '', '', ''],
        [digest('8'), '', '', ''],
      ],
    );
    assert.deepEqual(read.sort(), ['1', '2', '4', '5', '6', '7'].map(digest));
  });

  it('are not looked through where they are more than belong to any program', async () => {
    const many = Array.from({ length: 60_000 }, () => run('1', '01a'));
    const { list } = registryWith({ [digest('a')]: many, [digest('b')]: many });
    assert.equal((await list(':1.0')).length, 1);
    await assert.rejects(list(), { code: 'SAME1304', message: /more than 100000 objects/ });
  });

  it('are none of a version that is not there', async () => {
    const { list } = registryWith({});
    assert.deepEqual(await list(), []);
    await assert.rejects(list(':3.0'), {
      code: 'SAME1803',
      message: /there is no oci:\/\/ghcr.io\/org\/study:3.0/,
    });
    await assert.rejects(list(`@${digest('f')}`), { code: 'SAME1803' });
  });
});
