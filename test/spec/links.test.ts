import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { proseOf, readPages, specDirectory } from './chapters.ts';

const pages = readPages();
const anchorsOf = (text: string) =>
  new Set(
    [...text.matchAll(/^#+ (.+)$/gm)].map(([, title]) =>
      title!
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\- ]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
const anchors = new Map(pages.map((page) => [page.path, anchorsOf(proseOf(page))]));

for (const page of pages) {
  test(`links of ${page.path} lead somewhere`, () => {
    for (const [, target] of proseOf(page).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https?:/.test(target!)) continue;
      const [file, anchor] = target!.split('#') as [string, string | undefined];
      const path = file === '' ? page.path : join(dirname(page.path), file);
      assert.ok(existsSync(join(specDirectory, path)), `${page.path}: ${target}`);
      if (anchor !== undefined)
        assert.ok(anchors.get(path)?.has(anchor), `${page.path}: no heading ${target}`);
    }
  });
}

test('README leads to every page', () => {
  const readme = pages.find(({ path }) => path === 'README.md')!;
  for (const { path } of pages) {
    if (path !== 'README.md') assert.ok(readme.text.includes(`](${path}`), path);
  }
});
