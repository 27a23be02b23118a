import assert from 'node:assert/strict';
import { parseManifest } from '../../src/program/manifest.ts';
import type { Program } from '../../src/program/schema.ts';

/** A program from everything of its manifest but the head. */
export function programOf(manifest: string): Program {
  const head = 'apiVersion: same/v1\nkind: Program\nmetadata: {name: study, version: "1.0"}\n';
  const { program, findings } = parseManifest(Buffer.from(head + manifest), 'same.yaml');
  assert.deepEqual(findings, []);
  return program!;
}
