import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseSourceAddress, withoutLogin } from '../../src/sources/source-address.ts';

const at = (repository: string, subdirectory = '', rest: object = {}): object => ({
  kind: 'git',
  repository,
  subdirectory,
  ref: undefined,
  ...rest,
});
const web = (repository: string, subdirectory: string, version?: string): object => ({
  kind: 'git',
  repository,
  subdirectory,
  version,
});

const forms: [string, object][] = [
  [
    'https://github.com/uoftoronto/papers/arXiv.5778v1:1.0',
    web('https://github.com/uoftoronto/papers', 'arXiv.5778v1', '1.0'),
  ],
  ['https://github.com/uoftoronto/papers', web('https://github.com/uoftoronto/papers', '')],
  ['https://github.com/uoftoronto/papers:1.0', web('https://github.com/uoftoronto/papers', '', '1.0')],
  ['https://github.com/o/r/a/b/c:2.0.0-rc.1', web('https://github.com/o/r', 'a/b/c', '2.0.0-rc.1')],
  ['https://localhost:8443/o/r/a:1.0', web('https://localhost:8443/o/r', 'a', '1.0')],
  ['https://localhost:8443/o/r', web('https://localhost:8443/o/r', '')],
  ['https://git.example.org/a/b/c//d/e:1.0', web('https://git.example.org/a/b/c', 'd/e', '1.0')],
  ['https://git.example.org/a/b.git//d', web('https://git.example.org/a/b.git', 'd')],
  ['https://github.com/o/r/tree/v1/a/b', { ...web('https://github.com/o/r', ''), tree: ['v1', 'a', 'b'] }],
  ['https://gitlab.com/o/r/-/tree/main/a', { ...web('https://gitlab.com/o/r', ''), tree: ['main', 'a'] }],
  ['https://github.com/o/r/tree:1.0', web('https://github.com/o/r', 'tree', '1.0')],
  ['https://example.org/p/x.tgz', { kind: 'archive', url: 'https://example.org/p/x.tgz' }],
  [
    'https://example.org/p/N:1.0.tar.gz?raw=1',
    { kind: 'archive', url: 'https://example.org/p/N:1.0.tar.gz?raw=1' },
  ],
  ['https://example.org/p/x.tar', { kind: 'archive', url: 'https://example.org/p/x.tar' }],
  ['git+https://example.org:8443/a/b.git', at('https://example.org:8443/a/b.git')],
  ['git+https://example.org/a/b.git//s/t@v1.0', at('https://example.org/a/b.git', 's/t', { ref: 'v1.0' })],
  ['git+https://example.org/a/b@papers/x/1.0', at('https://example.org/a/b', '', { ref: 'papers/x/1.0' })],
  ['git+https://example.org/a/b//s@s@1.0', at('https://example.org/a/b', 's', { ref: 's@1.0' })],
  ['git+ssh://git@example.org:22/a/b//s@main', at('ssh://git@example.org:22/a/b', 's', { ref: 'main' })],
  ['ssh://git@example.org/a/b', at('ssh://git@example.org/a/b')],
  ['git+file:///srv/a.git//s@1.0', at('file:///srv/a.git', 's', { ref: '1.0' })],
  ['git+http://127.0.0.1:80/a/b', at('http://127.0.0.1:80/a/b')],
  ['git@example.org:a/b.git', at('git@example.org:a/b.git')],
  ['git@example.org:a/b.git//s@1.0', at('git@example.org:a/b.git', 's', { ref: '1.0' })],
  ['oci://example.org/a:1.0', { kind: 'registry' }],
];

for (const [text, expected] of forms) {
  test(`${text} is understood`, () => assert.deepEqual(parseSourceAddress(text), expected));
}

for (const text of [
  'programs/a',
  'a b',
  'arXiv.1303.5778v1:1.0',
  'github.com/o/r',
  '-oProxyCommand=x@h:p',
  '',
]) {
  test(`${JSON.stringify(text)} is no address`, () => assert.equal(parseSourceAddress(text), undefined));
}

const refused: [string, string, RegExp][] = [
  ['ext::sh -c touch% x', 'no address', /^$/],
  ['ext::sh', 'SAME1208', /no transport/],
  ['git+ext://sh', 'SAME1208', /no transport/],
  ['https::example.org/o/r', 'SAME1208', /no host/],
  ['git+https::example.org/o/r', 'SAME1208', /no repository/],
  ['ftp://example.org/x.tgz', 'SAME1208', /no transport/],
  ['file:///srv/a', 'SAME1208', /no transport/],
  ['git://example.org/a/b', 'SAME1208', /no transport/],
  ['http://example.org/o/r', 'SAME1208', /http is only for this machine/],
  ['git+http://example.org/o/r', 'SAME1208', /http is only for this machine/],
  ['https://ada:secret@example.org/o/r', 'SAME1208', /no password or token/],
  ['https://ghp_0123456789@example.org/o/r', 'SAME1208', /no password or token/],
  ['ssh://-oProxyCommand=touch/x', 'SAME1208', /no host/],
  ['ssh://git@-oProxyCommand=touch/x', 'SAME1208', /no host/],
  ['https://github.com/o', 'SAME1208', /at least two parts/],
  ['https://github.com/o/r?x=1', 'SAME1208', /no \? and no #/],
  ['https://github.com/o/r/../x', 'SAME1208', /not a plain path/],
  ['https://github.com/o/r//.git', 'SAME1208', /not a plain path/],
  ['https://github.com/o/r/%2e%2e/x', 'SAME1208', /not a plain path/],
  ['https://github.com/o/r/a:1_0', 'SAME1202', /is no version/],
  ['https://github.com/o/r/a:', 'SAME1202', /is no version/],
  ['git+https://example.org/a/b@', 'SAME1208', /nothing follows/],
  ['git+file://otherhost/a', 'SAME1208', /on this machine/],
];

for (const [text, code, message] of refused) {
  test(`${text} is refused`, () => {
    if (code === 'no address') return assert.equal(parseSourceAddress(text), undefined);
    assert.throws(() => parseSourceAddress(text), { code, message });
  });
}

test('messages never show a password', () => {
  assert.throws(
    () => parseSourceAddress('https://ada:secret@example.org/o/r'),
    (error: Error) => !error.message.includes('secret'),
  );
  assert.equal(withoutLogin('https://ada:secret@example.org/o?token=x'), 'https://example.org/o');
  assert.equal(withoutLogin('git@example.org:a/b'), 'git@example.org:a/b');
});
