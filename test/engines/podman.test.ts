import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { describe, it } from 'node:test';
import { openPodmanEngine } from '../../src/engines/podman/podman-engine.ts';
import { podman, podmanThatSees, testImage, unavailable, usePodman } from '../components/podman.ts';
import { engineContract } from '../contract/engine.ts';

const why = unavailable();
usePodman();

describe('podman', { skip: why ?? false }, () => {
  const variables = podmanThatSees(`${tmpdir()}/same-meeting-*`);
  engineContract('podman', (content) => openPodmanEngine(content, { variables }), {
    environment: () => `image: "${testImage()}"`,
    isClosed: true,
    // Numbers are those of the container's own processes, of which it leaves none.
    isAlive: () => false,
    hasNoGpus: true,
    codesSignals: true,
    variables: ['HOSTNAME'],
  });

  it('leaves no container behind', () => {
    assert.equal(podman('ps', '--all', '--quiet', '--filter=label=same.run'), '');
  });
});
