import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { prefixes } from './chapters.ts';

/** Which room of `src/` keeps each chapter: the room of the same name, or the one that holds its noun. */
const rooms: Record<string, string> = {
  program: 'program',
  parameters: 'program',
  references: 'program',
  pipeline: 'pipeline',
  'step-contract': 'engines',
  engines: 'engines',
  'run-record': 'runs',
  bundle: 'bundle',
  registries: 'registry',
  claims: 'claims',
  sweeps: 'sweeps',
  errors: 'errors',
};

test('every chapter has its room', () => {
  for (const path of Object.keys(prefixes)) {
    const chapter = path.slice('v1/'.length, -'.md'.length);
    const room = rooms[chapter];
    assert.ok(room, `${chapter} has no room`);
    assert.ok(existsSync(join(import.meta.dirname, '../../src', room)), room);
  }
});
