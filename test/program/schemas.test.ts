import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { publishedSchemas } from '../../scripts/schemas.ts';
import { parseLock } from '../../src/program/lock-file.ts';

const directory = join(import.meta.dirname, '../../spec/v1/schemas');

describe('the published schemas', () => {
  it('are what the code says (npm run schemas writes them)', () => {
    const published = publishedSchemas();
    assert.deepEqual(readdirSync(directory).sort(), Object.keys(published).sort());
    for (const [file, text] of Object.entries(published))
      assert.equal(readFileSync(join(directory, file), 'utf8'), text, file);
  });

  it('take x- keys where fields are fixed, and nowhere else', () => {
    const program = JSON.parse(publishedSchemas()['program.schema.json']!);
    assert.deepEqual(program.patternProperties, { '^x-': {} });
    assert.equal(program.properties.pipeline.properties.steps.patternProperties, undefined);
    assert.ok(!publishedSchemas()['lock.schema.json']!.includes('^x-'));
  });
});

describe('locks', () => {
  const read = (value: unknown) => parseLock(new TextEncoder().encode(JSON.stringify(value)), 'same.lock');
  const digest = `sha256:${'0'.repeat(64)}`;

  it('are read', () => {
    const lock = {
      apiVersion: 'same/v1',
      kind: 'Lock',
      data: { d: { uri: 'd.csv', digest, size: 1 } },
      environments: {
        default: {
          'linux-x86_64': {
            python: '3.11',
            of: digest,
            packages: [{ name: 'numpy', version: '1', hashes: [digest] }],
          },
        },
      },
    };
    assert.deepEqual(read(lock), { lock, findings: [] });
  });

  it('are JSON', () => {
    const text = 'apiVersion: same/v1\nkind: Lock\n';
    const { findings } = parseLock(new TextEncoder().encode(text), 'same.lock');
    assert.deepEqual(
      findings.map(({ code, message, place }) => [code, message, place]),
      [['SAME1505', 'same.lock is YAML, but a lock is JSON', 'same.lock:1:1']],
    );
  });

  it('say one thing of one place', () => {
    const text = `{"apiVersion":"same/v1","kind":"Lock","data":{"d":{"uri":"d","digest":"${digest}","size":9007199254740992}}}`;
    assert.equal(parseLock(new TextEncoder().encode(text), 'same.lock').findings.length, 1);
  });

  it('are refused with a code of their own', () => {
    for (const wrong of [
      [],
      {},
      { apiVersion: 'same/v1', kind: 'Lock', dat: {} },
      { apiVersion: 'same/v1', kind: 'Lock', data: { d: { uri: 'x', digest: 'y', size: 1 } } },
    ]) {
      const { lock, findings } = read(wrong);
      assert.equal(lock, undefined);
      assert.ok(findings.length > 0);
      for (const { code, place, hint } of findings)
        assert.ok(code === 'SAME1505' && place !== undefined && hint !== undefined);
    }
  });
});
