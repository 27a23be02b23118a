import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RemoteObjects } from '../../src/operations/remote-objects.ts';
import { surveyProgram } from '../../src/operations/remote-survey.ts';
import type { Repository } from '../../src/registry/registry.ts';

const digest = `sha256:${'a'.repeat(64)}`;
const repository = {
  label: 'oci://ghcr.io/org/study',
  address: { host: 'ghcr.io', repository: 'org/study' },
} as Repository;

/** What is found where a config calls its program so. */
function survey(name: string, version: string) {
  const root = { self: { digest }, program: { metadata: { name, version } } };
  const objects = { root: async () => root, referrersOf: async () => [], referrersOfAll: async () => [] };
  return surveyProgram(
    objects as unknown as RemoteObjects,
    repository,
    { name: 'study', digest },
    { history: 'none' },
  );
}

describe('what a config calls its program', () => {
  it('is its name', async () => {
    assert.equal((await survey('Study', '1.0')).programs.length, 1);
  });

  for (const [name, version] of [
    ['study', '../../../other/manifests/1.0'],
    ['study', '1.0?x=1'],
    ['study', '1.0\u001b[31m'],
    ['study', '1'.repeat(5000)],
    ['../org/study', '1.0'],
  ] as const) {
    it(`may be no address: ${JSON.stringify(`${name}:${version}`.slice(0, 50))}`, async () => {
      await assert.rejects(survey(name, version), (error: Error & { code: string }) => {
        assert.equal(error.code, 'SAME1302');
        assert.ok(error.message.length < 500);
        return true;
      });
    });
  }
});
