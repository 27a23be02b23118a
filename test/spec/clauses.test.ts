import assert from 'node:assert/strict';
import { test } from 'node:test';
import { prefixes, proseOf, readPages } from './chapters.ts';

const pages = readPages();
const clausesIn = (text: string) => [...text.matchAll(/^\*\*(SAME-([A-Z]+)-([0-9]+))\*\* \S/gm)];
const declared = new Set(pages.flatMap(({ text }) => clausesIn(text).map(([, id]) => id)));

test('every chapter is known by its prefix', () => {
  const chapters = pages.map(({ path }) => path).filter((path) => path.startsWith('v1/'));
  assert.deepEqual(chapters, Object.keys(prefixes).sort());
});

test('the specification has clauses', () => {
  assert.ok(declared.size > 200, `only ${declared.size} clauses were seen`);
});

for (const page of pages) {
  const prefix = prefixes[page.path];

  test(`clauses of ${page.path} are well-formed, unique and ascending`, () => {
    const clauses = clausesIn(proseOf(page));
    if (prefix === undefined) return assert.equal(clauses.length, 0, 'only chapters hold clauses');
    assert.ok(clauses.length > 0);
    let last = 0;
    for (const [, id, chapter, digits] of clauses) {
      assert.equal(chapter, prefix, `${id} is in ${page.path}`);
      assert.match(digits!, /^[0-9]{3}$/, id);
      assert.ok(Number(digits) > last, `${id} comes after ${last}`);
      last = Number(digits);
    }
  });

  test(`every clause mentioned in bold in ${page.path} begins a paragraph`, () => {
    const bold = [...proseOf(page).matchAll(/\*\*SAME-/g)].length;
    assert.equal(bold, clausesIn(proseOf(page)).length);
  });

  test(`clauses that ${page.path} cites exist`, () => {
    for (const [id] of proseOf(page).matchAll(/SAME-[A-Z]{3}-[0-9]+/g)) {
      assert.ok(declared.has(id), `${page.path} cites ${id}`);
    }
  });

  test(`capital key words of ${page.path} stand in clauses only`, () => {
    if (prefix === undefined) return;
    for (const paragraph of proseOf(page).split(/\n\n+/)) {
      if (/\b(MUST|SHOULD|MAY)\b/.test(paragraph)) assert.match(paragraph.trim(), /^\*\*SAME-/, paragraph);
    }
  });
}
