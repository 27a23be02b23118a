import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  logicalLines,
  parseHashedRequirements,
  renderHashedRequirements,
} from '../../src/environments/hashed-requirements.ts';
import { SameError } from '../../src/errors/same-error.ts';

const A = `sha256:${'a'.repeat(64)}`;
const B = `sha256:${'b'.repeat(64)}`;
const parse = (text: string) => parseHashedRequirements(Buffer.from(text), 'requirements.lock');

function problems(text: string): string[] {
  try {
    parse(text);
  } catch (error) {
    assert.ok(error instanceof SameError);
    return error.findings.map(({ code, message, place }) => `${code} ${place} ${message}`);
  }
  return [];
}

test('a file of pip-compile is read with comments, continuations, extras and markers', () => {
  const text = `# made by a tool
Requests[socks]==2.31.0 ; python_version < "3.13" \\
    --hash=${B} \\
    --hash=${A}
    # via -r requirements.in

six==1.16.0 --hash=${A}  # the last\r
`;
  assert.deepEqual(parse(text), [
    { name: 'requests', version: '2.31.0', hashes: [A, B], marker: 'python_version < "3.13"' },
    { name: 'six', version: '1.16.0', hashes: [A] },
  ]);
});

test('what is rendered is read back equal', () => {
  const packages = parse(
    `b==2 ; sys_platform == "linux" --hash=${A}\na==1!2.0+cpu --hash=${A} --hash=${B}\n`,
  );
  assert.deepEqual(parse(renderHashedRequirements(packages)), packages);
});

test('every line that is no pinned package is refused with its number', () => {
  const text = `six==1.16.0
-e .
-r other.txt
--index-url https://example.org/simple
numpy>=1.20 --hash=${A}
https://example.org/x-1.0-py3-none-any.whl --hash=${A}
x @ https://example.org/x.whl --hash=${A}
./local --hash=${A}
y==1.0 --hash=sha256:abc
z==1.0 --hash=${A} --no-binary=z
six==1.17.0 --hash=${A}
q==1.* --hash=${A}
`;
  assert.deepEqual(
    problems(text).map((line) => line.replace('SAME1505 requirements.lock:', '')),
    [
      '1 six==1.16.0 has no --hash',
      '2 option -e is not allowed in a lock',
      '3 option -r is not allowed in a lock',
      '4 option --index-url is not allowed in a lock',
      '5 "numpy>=1.20" does not name one version with ==',
      '6 "https://example.org/x-1.0-py3-none-any.whl" is a URL or path, which a lock may not name',
      '7 "x @ https://example.org/x.whl" is a URL or path, which a lock may not name',
      '8 "./local" is a URL or path, which a lock may not name',
      '9 "sha256:abc" is no sha256, sha384 or sha512 hash',
      '10 option --no-binary of z is not allowed in a lock, or not a valid hash',
      '12 "q==1.*" does not name one version with ==',
    ],
  );
});

test('a package locked twice is refused unless markers tell the two apart', () => {
  assert.match(problems(`six==1 --hash=${A}\nSIX==2 --hash=${A}\n`)[0]!, /:2 six is locked twice/);
  const marked = `six==1 ; python_version < "3.9" --hash=${A}\nsix==2 ; python_version >= "3.9" --hash=${A}\n`;
  assert.deepEqual(problems(marked), []);
});

test('bytes that are no UTF-8 are refused', () => {
  assert.throws(() => parseHashedRequirements(Buffer.from([0xff, 0xfe]), 'f'), /SAME1505 f is not UTF-8/);
});

test('a continuation at the end of the file is a line all the same', () => {
  assert.deepEqual(logicalLines('a \\'), [{ text: 'a', line: 1 }]);
});
