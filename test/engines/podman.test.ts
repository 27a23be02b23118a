import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { openPodmanEngine } from '../../src/engines/podman/podman-engine.ts';
import { thisProcess } from '../../src/host/process-identity.ts';
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
  // Two chapters at once and two tests of each: containers are mostly waited for.
  describe('in containers', { concurrency: 2 }, () => {
    engineContract('podman', (content) => openPodmanEngine(content, { variables }), {
      environment: () => `image: "${testImage()}"`,
      isClosed: true,
      // Numbers are those of the container's own processes, of which it leaves none.
      isAlive: () => false,
      hasNoGpus: true,
      codesSignals: true,
      variables: ['HOSTNAME'],
    });
  });

  it('leaves no container behind', () => {
    const containers: { Labels?: Record<string, string> }[] = JSON.parse(
      podman('ps', '--all', '--format=json'),
    );
    const own = JSON.stringify(thisProcess());
    assert.deepEqual(
      containers.filter(({ Labels }) => Labels?.['same.owner'] === own),
      [],
    );
  });
});
