import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { Finding } from '../../src/errors/same-error.ts';
import { openDiskAnnotations } from '../../src/runs/annotations.ts';

const root = mkdtempSync(join(tmpdir(), 'same-annotations-'));
after(() => rmSync(root, { recursive: true, force: true }));
const id = '019a3b5c-7d00-7abc-8def-0123456789ab';
const at = '2026-01-31T09:30:00.000Z';

test('later lines win, null takes a tag away, an empty note the note', () => {
  const store = openDiskAnnotations(join(root, 'later'));
  assert.deepEqual(store.of(id), { tags: {} });
  store.append(id, { at, tag: { kept: 'yes', b: '' } });
  store.append(id, { at, tag: { a: '1', kept: null } });
  store.append(id, { at, note: 'first\nsecond' });
  assert.deepEqual(store.of(id), { tags: { a: '1', b: '' }, note: 'first\nsecond' });
  assert.deepEqual(store.all(), new Map([[id, store.of(id)]]));
  store.append(id, { at, note: '' });
  assert.deepEqual(store.of(id), { tags: { a: '1', b: '' } });
  assert.equal(readFileSync(join(root, 'later', `${id}.jsonl`), 'utf8').split('\n').length, 5);
  store.remove(id);
  store.remove(id);
  assert.deepEqual(store.all(), new Map());
});

test('a torn line swallows nothing that follows, and other damage is named', () => {
  const told: Finding[] = [];
  const directory = join(root, 'torn');
  const store = openDiskAnnotations(directory, (finding) => told.push(finding));
  const path = join(directory, `${id}.jsonl`);
  store.append(id, { at, tag: { a: '1' } });
  appendFileSync(path, '{"at":"2026');
  assert.deepEqual(store.of(id), { tags: { a: '1' } });
  assert.equal(told.length, 0);
  store.append(id, { at, tag: { b: '2' } });
  assert.deepEqual(store.of(id), { tags: { a: '1', b: '2' } });
  assert.match(told[0]!.message, /line 2 of /);
  appendFileSync(path, 'null\n{"tag":{"c":3}}\n[]\n{"tag":{"__proto__":"x"}}\n');
  assert.deepEqual(Object.entries(store.of(id).tags), [
    ['__proto__', 'x'],
    ['a', '1'],
    ['b', '2'],
  ]);
  writeFileSync(join(directory, 'other.jsonl'), '{}');
  assert.deepEqual([...store.all().keys()], [id]);
});
