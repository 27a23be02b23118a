import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Finding, SameError } from '../../src/errors/same-error.ts';
import type { Ports } from '../../src/operations/ports.ts';
import { recordsOf } from '../../src/operations/stored-records.ts';
import { storedRuns } from '../../src/operations/stored-runs.ts';

const program = `sha256:${'a'.repeat(64)}`;
const referrer = `sha256:${'b'.repeat(64)}`;

/** A home where one thing refers to a program, and reading it fails. */
function homeWhere(failure: Error) {
  const warnings: Finding[] = [];
  const ports = {
    referrers: { list: (digest: string) => (digest === program ? [referrer] : []) },
    content: { read: () => Promise.reject(failure) },
    warnings,
    warn: (finding: Finding) => warnings.push(finding),
  };
  return { ports: ports as unknown as Ports, warnings };
}

const readers = [
  ['runs', (ports: Ports) => storedRuns(ports, program)],
  ['signatures', (ports: Ports) => recordsOf(ports, [program])],
] as const;

describe('looking for what came along', () => {
  for (const [what, look] of readers) {
    it(`ends where the disk fails: ${what}`, async () => {
      for (const code of ['SAME1401', 'SAME1404'] as const) {
        const failure = new SameError({ code, message: 'the file system refused (EIO)' });
        const { ports, warnings } = homeWhere(failure);
        await assert.rejects(look(ports), failure);
        assert.deepEqual(warnings, []);
      }
    });

    it(`passes over what is damaged, and names it once: ${what}`, async () => {
      const { ports, warnings } = homeWhere(
        new SameError({ code: 'SAME1301', message: `${referrer} has other bytes` }),
      );
      assert.deepEqual(await look(ports), []);
      assert.deepEqual(await look(ports), []);
      assert.deepEqual(
        warnings.map(({ message }) => message),
        [`passed over: ${referrer} has other bytes`],
      );
    });
  }
});
