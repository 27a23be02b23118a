import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ClusterNode } from '../../src/engines/kubernetes/cluster-node.ts';
import { nodeRequirements, volumeRequirement } from '../../src/infrastructure/node-requirements.ts';
import type { Program, Resources } from '../../src/program/schema.ts';

const GIB = 2 ** 30;
const small: ClusterNode = {
  name: 'small',
  platform: 'linux-x86_64',
  cpu: 4,
  memoryBytes: 8 * GIB,
  diskBytes: 100 * GIB,
  gpus: [],
};
const gpu: ClusterNode = {
  ...small,
  name: 'gpu',
  memoryBytes: 4 * GIB,
  gpus: [{ vendor: 'nvidia', count: 2, product: 'H100' }],
};

function program(
  steps: Record<string, { resources?: Resources; cache?: 'portable' }>,
  all?: Resources,
): Program {
  return { pipeline: { steps }, ...(all ? { resources: all } : {}) } as unknown as Program;
}

/** `what: want W, have H` of each, with a sign for those that are not met. */
function lines(of: Program, nodes: readonly ClusterNode[]): string[] {
  return nodeRequirements(of, nodes, 'linux-x86_64').map(
    ({ what, want, have, met, optional, step }) =>
      `${met ? '' : optional ? '(!) ' : '! '}${what}: want ${want}, have ${have}${step ? ` (step ${step})` : ''}`,
  );
}

describe('what steps want is compared with the nodes of a cluster', () => {
  it('by the largest of them, step by step, met or not', () => {
    const wanting = program(
      { prepare: {}, train: { resources: { memory: '6Gi', gpu: { count: 4, vendor: 'nvidia' } } } },
      { cpu: 2, disk: { size: '10Gi' } },
    );
    assert.deepEqual(lines(wanting, [small, gpu]), [
      'node: want one of linux-x86_64, have 2',
      'cpu: want 2, have 4 on the largest node',
      'memory: want 6Gi, have 8 GiB on the largest node (step train)',
      'disk: want 10Gi, have 100 GiB on the largest node',
      '! gpu: want 4 nvidia, have 2 nvidia on one node (step train)',
    ]);
  });

  it('as a whole: one node has to have everything that a step wants', () => {
    const wanting = program({ train: { resources: { memory: '6Gi', gpu: { count: 1 } } } });
    assert.equal(
      lines(wanting, [small, gpu]).at(-1),
      '! node: want one with memory 6Gi, gpu 1, have no node with all of it (step train)',
    );
    assert.equal(lines(wanting, [small, { ...gpu, memoryBytes: 8 * GIB }]).length, 3);
  });

  it('an optional GPU is reported and stops nothing', () => {
    const wanting = program({ train: { resources: { gpu: { count: 1, vendor: 'amd', optional: true } } } });
    assert.deepEqual(lines(wanting, [small]).slice(1), ['(!) gpu: want 1 amd, have none on any node']);
  });

  it('nodes of another platform count where results are portable alone', () => {
    const arm = { ...small, platform: 'linux-aarch64' };
    assert.deepEqual(
      lines(program({ main: { resources: { cpu: 1 } } }), [arm, { ...gpu, unusable: 'not ready' }]),
      ['! node: want one of linux-x86_64, have none (1 linux-aarch64, 1 not ready)'],
    );
    assert.deepEqual(lines(program({ main: { cache: 'portable' } }), [arm]), ['node: want one, have 1']);
    assert.deepEqual(lines(program({ main: {} }), []), ['! node: want one of linux-x86_64, have no nodes']);
  });

  it('and the claim of the volume that steps share has to be there, bound or not yet', () => {
    const met = (phase?: string) =>
      volumeRequirement({ name: 'same', ...(phase ? { phase } : {}) }, 'studies').met;
    assert.deepEqual([met('Bound'), met('Pending'), met('Lost'), met()], [true, true, false, false]);
    const { want, have, hint } = volumeRequirement({ name: 'same' }, 'studies');
    assert.equal(
      `want ${want}, have ${have}`,
      'want claim "same" in namespace studies, have none of that name',
    );
    assert.match(hint!, /PersistentVolumeClaim "same"/);
  });
});
