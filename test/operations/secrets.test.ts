import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { maskingOf } from '../../src/operations/secrets.ts';

async function streamed(secrets: Record<string, string>, bytes: Buffer, size: number): Promise<Buffer> {
  async function* pieces() {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  }
  const parts: Buffer[] = [];
  for await (const part of maskingOf(secrets).maskStream(pieces())) parts.push(part);
  return Buffer.concat(parts);
}

describe('masking of secrets', () => {
  it('replaces every value of four characters or more', () => {
    const { mask } = maskingOf({ A: 'hunter2', B: 'x.*y', C: 'abc' });
    assert.equal(mask('hunter2 x.*y xaay abc hunter2'), '***A*** ***B*** xaay abc ***A***');
  });

  it('prefers the longer of two values that begin alike', () => {
    assert.equal(maskingOf({ A: 'pass', B: 'password' }).mask('password pass'), '***B*** ***A***');
  });

  it('replaces each line of a value of several lines, as it is shown line by line', () => {
    const key = '-----BEGIN KEY-----\nMIIEvQ\r\n  kqhkiG\nabc\n\n-----END KEY-----\n';
    const { mask } = maskingOf({ KEY: key });
    assert.equal(mask('MIIEvQ'), '***KEY***');
    assert.equal(mask('x kqhkiG y'), 'x ***KEY*** y');
    assert.equal(mask('-----END KEY-----'), '***KEY***');
    assert.equal(mask('    '), '    ');
  });

  it('keeps every other byte, wherever a stream is cut', async () => {
    const secrets = { A: 'pässwörd', B: 'pässwörd-longer', C: 'aaaa' };
    const piece = fc.oneof(
      fc
        .constantFrom('pässwörd', 'pässwörd-longer', 'pässw', 'aaaa', 'aa', '\n')
        .map((text) => Buffer.from(text)),
      fc.uint8Array({ maxLength: 8 }).map((bytes) => Buffer.from(bytes)),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(piece, { maxLength: 12 }),
        fc.integer({ min: 1, max: 40 }),
        async (parts, size) => {
          const bytes = Buffer.concat(parts);
          const whole = maskingOf(secrets).maskBytes(bytes);
          assert.deepEqual(await streamed(secrets, bytes, size), whole);
          assert.ok(!whole.includes('pässwörd'));
        },
      ),
    );
  });

  it('knows a value in base64, hexadecimal digits, a URL and a JSON text, also as a part of what is encoded', () => {
    const secret = 'p4ss/w0rd+of "ada"?';
    const { mask } = maskingOf({ A: secret });
    const base64 = (text: string) => Buffer.from(text).toString('base64');
    for (const text of [
      base64(secret),
      Buffer.from(secret).toString('base64url'),
      Buffer.from(secret).toString('hex'),
      Buffer.from(secret).toString('hex').toUpperCase(),
      encodeURIComponent(secret),
      encodeURIComponent(secret).replaceAll('%20', '+'),
      JSON.stringify(secret).slice(1, -1),
    ]) {
      assert.match(mask(`<${text}>`), /^<\*\*\*A\*\*\*=*>$/, text);
    }
    for (const before of ['', 'a', 'ab', 'ada:']) {
      const masked = mask(base64(`${before}${secret};and more`));
      assert.match(masked, /\*\*\*A\*\*\*/, before);
      assert.ok(
        !Buffer.from(masked.replace(/\*\*\*A\*\*\*/, ''))
          .toString()
          .includes('w0rd'),
      );
    }
    const long = 'x'.repeat(200).replace(/x/g, (_, at) => String.fromCharCode(33 + (at % 90)));
    const lines = base64(long).match(/.{1,76}/g)!;
    const broken = maskingOf({ L: long }).mask(lines.join('\n'));
    for (const line of lines) assert.ok(!broken.includes(line.slice(0, 70)), line);
  });

  it('changes nothing when there is nothing to mask', async () => {
    assert.equal(maskingOf({ A: 'abc' }).active, false);
    assert.deepEqual(await streamed({}, Buffer.from([0, 255, 13]), 2), Buffer.from([0, 255, 13]));
  });
});
