import assert from 'node:assert/strict';
import { test } from 'node:test';
import { catalogue } from '../../src/errors/catalogue.ts';
import { readPages } from './chapters.ts';

const pages = readPages();
const errors = pages.find(({ path }) => path === 'v1/errors.md')!.text;

test('the chapter errors lists exactly the catalogue: code, exit and meaning', () => {
  const rows = [...errors.matchAll(/^\| `(SAME[0-9]{4})` \| ([0-9]+) \| (.+) \|$/gm)];
  assert.deepEqual(
    rows.map(([, code, exit, title]) => [code, Number(exit), title]),
    Object.entries(catalogue).map(([code, { exit, title }]) => [code, exit, title]),
  );
});

test('every exit code of the catalogue is explained', () => {
  const explained = [...errors.matchAll(/^\| ([0-9]+) \| /gm)].map(([, exit]) => Number(exit));
  for (const [code, { exit }] of Object.entries(catalogue))
    assert.ok(explained.includes(exit), `${code}: ${exit}`);
});

test('every code that a page mentions is in the catalogue', () => {
  for (const { path, text } of pages) {
    for (const [code] of text.matchAll(/SAME[0-9]{4}/g)) assert.ok(code in catalogue, `${path}: ${code}`);
  }
});
