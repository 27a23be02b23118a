import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import type { SameError } from '../../src/errors/same-error.ts';
import { exchangeError } from '../../src/host/exchange-error.ts';

const NAMES = ['https_proxy', 'HTTPS_PROXY', 'http_proxy', 'HTTP_PROXY'];
const before = NAMES.map((name) => [name, process.env[name]] as const);

function messageOf(code: string, url: string, variables: Record<string, string> = {}): string {
  for (const name of NAMES) delete process.env[name];
  Object.assign(process.env, variables);
  const pace = { headerTimeoutMs: 1000, slowest: { bytes: 1, perMs: 1 } };
  const error = Object.assign(new Error('no'), { code });
  return (exchangeError(error, { url: new URL(url), pace }) as SameError).message;
}

describe('an error of an exchange that may go through a proxy', () => {
  after(() => {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  });

  it('says which variable sets it, and nothing of its address', () => {
    const variables = { HTTPS_PROXY: 'http://ada:S3CRET@proxy.example:3128' };
    for (const code of ['ECONNREFUSED', 'ENOTFOUND', 'ERR_PROXY_TUNNEL']) {
      const message = messageOf(code, 'https://registry.example', variables);
      assert.match(message, /registry\.example cannot be reached: .* \(HTTPS_PROXY is set: /);
      assert.doesNotMatch(message, /S3CRET|proxy\.example/);
    }
  });

  it('says nothing of it where there is none, where it is for others, and of what the server did', () => {
    const variables = { HTTPS_PROXY: 'http://proxy.example:3128' };
    assert.doesNotMatch(messageOf('ECONNREFUSED', 'https://registry.example'), /is set/);
    assert.doesNotMatch(messageOf('ECONNREFUSED', 'http://registry.example', variables), /is set/);
    assert.doesNotMatch(messageOf('ECONNREFUSED', 'https://localhost:5000', variables), /is set/);
    assert.doesNotMatch(messageOf('ECONNRESET', 'https://registry.example', variables), /is set/);
  });
});
