import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { SameError } from '../../src/errors/same-error.ts';
import { parseLoginHost } from '../../src/operations/login-host.ts';
import type { Ports } from '../../src/operations/ports.ts';

const ports = {} as Ports;

describe('the host of a login', () => {
  it('has its port, or stands after oci://', async () => {
    assert.equal(
      await parseLoginHost(ports, 'Registry.example.org:5000', 'login'),
      'registry.example.org:5000',
    );
    assert.equal(
      await parseLoginHost(ports, 'oci://registry.example.org/papers', 'login'),
      'registry.example.org',
    );
  });

  for (const [text, hint] of [
    ['https://Registry.example.org/v2/', 'try: same login registry.example.org'],
    ['https://ada:S3CRET@registry.example.org/v2/', 'try: same login registry.example.org'],
    ['https://ada:S3@CRET@registry.example.org', 'try: same login registry.example.org'],
    ['oci://ada:S3CRET@registry.example.org', 'try: same login HOST'],
    ['ada:S3CRET@registry.example.org', 'try: same login HOST'],
  ] as const) {
    it(`is not ${text}, of which no message repeats a password`, async () => {
      await assert.rejects(parseLoginHost(ports, text, 'login'), (error: SameError) => {
        const [finding] = error.findings;
        assert.equal(finding!.code, 'SAME1805');
        assert.equal(finding!.hint, hint);
        assert.doesNotMatch(JSON.stringify(finding), /S3|CRET|ada/);
        return true;
      });
    });
  }
});
