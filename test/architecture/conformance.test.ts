import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, it } from 'node:test';

const root = resolve(import.meta.dirname, '../..');
const runner = join(root, 'conformance/runner');
const files = globSync('**/*.ts', { cwd: runner });

describe('the conformance runner', () => {
  it('is a black box: it imports nothing but itself and what node brings', () => {
    let seen = 0;
    const wrong = files.flatMap((file) => {
      const text = readFileSync(join(runner, file), 'utf8');
      const specifiers = [...text.matchAll(/(?:from|import|import\(|require\()\s*'([^']+)'/g)].map(
        ([, name]) => name!,
      );
      seen += specifiers.length;
      return specifiers
        .filter((name) => {
          if (!name.startsWith('.')) return !name.startsWith('node:');
          return relative(runner, resolve(runner, dirname(file), name)).startsWith('..');
        })
        .map((name) => `${file} -> ${name}`);
    });
    assert.ok(files.length >= 10, `saw ${files.length} modules`);
    assert.ok(seen >= 30, `saw ${seen} imports`);
    assert.deepEqual(wrong, []);
  });

  it('is not imported by the product', () => {
    const product = globSync('{src,bin,scripts}/**/*.{ts,mjs}', { cwd: root });
    assert.ok(product.length > 80, `saw ${product.length} modules`);
    const wrong = product.filter((file) =>
      /from '.*conformance\/runner/.test(readFileSync(join(root, file), 'utf8')),
    );
    assert.deepEqual(wrong, []);
  });
});
