import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { lockSchema } from '../../src/program/lock-schema.ts';
import { parseManifest } from '../../src/program/manifest.ts';
import { programSchema } from '../../src/program/schema.ts';
import { runRecordSchema } from '../../src/runs/run-record-schema.ts';
import { examples, examplesOf, readPages, specDirectory } from './chapters.ts';

const kinds =
  /^(yaml program|yaml program-fragment|yaml invalid SAME[0-9]{4}|json (run|lock|params)|console|text)$/;
const shown = (findings: { code: string; message: string; place?: string }[]) =>
  findings.map(({ code, message, place }) => `${code} ${message} ${place ?? ''}`).join('\n');

/** Puts the required fields that an example leaves out in front of it. */
function completed(text: string): string {
  const required = {
    apiVersion: 'same/v1',
    kind: 'Program',
    metadata: '{name: example, version: "1.0"}',
    pipeline: '{steps: {evaluate: {run: [sh, evaluate.sh]}}}',
  };
  const missing = Object.entries(required).filter(([key]) => !new RegExp(`^${key}:`, 'm').test(text));
  return missing.map(([key, value]) => `${key}: ${value}\n`).join('') + text;
}

test('every fenced block says what it is', () => {
  for (const { info, place } of readPages().flatMap(examplesOf)) assert.match(info, kinds, place);
});

test('complete manifests and fragments are valid', () => {
  const valid = examples(/^yaml program/);
  assert.ok(valid.length >= 4, `only ${valid.length} were seen`);
  for (const { info, text, place } of valid) {
    const { program, findings } = parseManifest(
      Buffer.from(info === 'yaml program' ? text : completed(text)),
      place,
    );
    assert.equal(shown(findings), '', place);
    assert.ok(program, place);
  }
});

test('invalid manifests are refused with the code they name, and no other', () => {
  const invalid = examples(/^yaml invalid/);
  assert.ok(invalid.length >= 10, `only ${invalid.length} were seen`);
  for (const { info, text, place } of invalid) {
    const { findings } = parseManifest(Buffer.from(completed(text)), place);
    const codes = [...new Set(findings.map(({ code }) => code))];
    assert.deepEqual(codes, [info.slice('yaml invalid '.length)], `${place}\n${shown(findings)}`);
  }
});

test('example files are valid', () => {
  const files = readdirSync(join(specDirectory, 'v1/examples')).filter((name) => name.endsWith('.same.yaml'));
  assert.ok(files.length > 0);
  for (const file of files) {
    const { program, findings } = parseManifest(readFileSync(join(specDirectory, 'v1/examples', file)), file);
    assert.equal(shown(findings), '', file);
    assert.ok(program, file);
  }
});

test('the full example uses every field of a program and of a step', () => {
  const { program } = parseManifest(
    readFileSync(join(specDirectory, 'v1/examples/full.same.yaml')),
    'full.same.yaml',
  );
  assert.deepEqual(
    Object.keys(programSchema.shape).filter((field) => !(field in program!)),
    [],
  );
  const used = new Set(Object.values(program!.pipeline.steps).flatMap((step) => Object.keys(step)));
  const fields = Object.keys(programSchema.shape.pipeline.shape.steps.valueType.shape);
  assert.deepEqual(
    fields.filter((field) => !used.has(field)),
    [],
  );
});

test('run records are valid', () => {
  const runs = examples(/^json run$/);
  assert.ok(runs.length > 0);
  for (const { text, place } of runs) {
    const result = runRecordSchema.safeParse(JSON.parse(text));
    assert.ok(result.success, `${place}: ${result.error?.message}`);
  }
});

test('locks are valid', () => {
  const locks = examples(/^json lock$/);
  assert.ok(locks.length > 0);
  for (const { text, place } of locks) {
    const result = lockSchema.safeParse(JSON.parse(text));
    assert.ok(result.success, `${place}: ${result.error?.message}`);
  }
});

test('parameter files are objects of valid names', () => {
  const files = examples(/^json params$/);
  assert.ok(files.length > 0);
  for (const { text, place } of files) {
    for (const name of Object.keys(JSON.parse(text)))
      assert.match(name, /^[A-Za-z][A-Za-z0-9_-]{0,63}$/, place);
  }
});
