// Writes spec/v1/schemas: the JSON Schemas of the program, the lock and the run record, from the code's own schemas.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { lockSchema } from '../src/program/lock-schema.ts';
import { programSchema } from '../src/program/schema.ts';
import { runRecordSchema } from '../src/runs/run-record-schema.ts';

type JsonSchema = { [key: string]: unknown };

/** The text of each published schema by its file name. */
export function publishedSchemas(): Record<string, string> {
  return {
    'program.schema.json': published('program', 'Program manifest (same.yaml)', programSchema, true),
    'lock.schema.json': published('lock', 'Lock (same.lock)', lockSchema, false),
    'run.schema.json': published('run', 'Run record', runRecordSchema, false),
  };
}

function published(name: string, title: string, schema: z.ZodType, extensible: boolean): string {
  const { $schema, ...rest } = z.toJSONSchema(schema, { target: 'draft-2020-12' }) as JsonSchema;
  const body = (extensible ? withExtensionKeys(rest) : rest) as JsonSchema;
  const whole = { $schema, $id: `urn:same:v1:${name}`, title, ...body };
  return `${JSON.stringify(whole, null, 2)}\n`;
}

/** Objects with fixed fields take `x-` keys too; maps of names do not: there they are names. */
function withExtensionKeys(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(withExtensionKeys);
  if (typeof node !== 'object' || node === null) return node;
  const walked = Object.fromEntries(
    Object.entries(node).map(([key, value]) => [key, withExtensionKeys(value)]),
  );
  const fixed = walked.additionalProperties === false && typeof walked.properties === 'object';
  return fixed ? { ...walked, patternProperties: { '^x-': {} } } : walked;
}

if (import.meta.main) {
  const directory = join(import.meta.dirname, '../spec/v1/schemas');
  mkdirSync(directory, { recursive: true });
  for (const [file, text] of Object.entries(publishedSchemas())) writeFileSync(join(directory, file), text);
}
