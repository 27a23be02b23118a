import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { openPodmanEngine } from '../../src/engines/podman/podman-engine.ts';
import { podman, podmanThatSees, testImage, unavailable, usePodman } from '../components/podman.ts';
import { engineContract } from '../contract/engine.ts';

const why = unavailable();
usePodman();
// Not below /tmp, where a container has a directory of its own that ends with it.
const directory = mkdtempSync(join(homedir(), '.same-containers-'));
process.env.TMPDIR = directory;
process.on('exit', () => rmSync(directory, { recursive: true, force: true }));

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
