import type { z } from 'zod';
import type { ErrorCode } from '../errors/catalogue.ts';
import type { Finding } from '../errors/same-error.ts';
import { nearest } from '../errors/suggestion.ts';
import { checkDeclarations } from './declaration-rules.ts';
import { type ParsedDocument, type Path, parseDocument, sortFindings } from './document.ts';
import { isJsonObject, type JsonObject, type JsonValue } from './json.ts';
import type { Rules } from './manifest-rules.ts';
import { checkParameters } from './parameter-rules.ts';
import { checkPipeline } from './pipeline-rules.ts';
import { checkResults } from './result-rules.ts';
import { type Program, programSchema } from './schema.ts';
import { schemaFindings, valueAt } from './schema-findings.ts';
import { shown } from './value.ts';

/** What a manifest says, or everything that is wrong with it. */
export interface ParsedManifest {
  /**
   * Only when there are no findings: without `x-` keys, keys sorted by code unit, so that a folder's program and the
   * same one read from its canonical form behave alike.
   */
  program?: Program;
  /** All that was written, `x-` keys too: what the canonical form is made of. */
  value?: JsonObject;
  findings: Finding[];
}

const API_VERSION = 'same/v1';

/**
 * Reads and checks a manifest: its syntax, its fields, and that everything it names is there. All findings are reported
 * together, sorted by their place in the file.
 */
export function parseManifest(bytes: Uint8Array, file: string, limitBytes?: number): ParsedManifest {
  const document = parseDocument(bytes, file, limitBytes);
  const { value } = document;
  if (value === undefined) return { findings: document.findings };
  if (!isJsonObject(value)) {
    const finding: Finding = {
      code: 'SAME1005',
      message: `${file} is not a map of fields`,
      place: document.place([]),
    };
    return { findings: document.findings.length > 0 ? document.findings : [finding] };
  }
  const head = headFindings(value, document);
  // A file of another kind or version has other fields: what is wrong by this schema would only mislead.
  if (head.some(({ code }) => code === 'SAME1007'))
    return { value, findings: sortFindings([...document.findings, ...head]) };
  const { program, issues } = fit(value);
  const written = [...document.findings, ...schemaFindings(issues, value, document, programSchema)];
  const ruled = program ? ruleFindings(program, value, document, issues) : [];
  const findings = sortFindings(withoutEchoes(written, ruled));
  return findings.length === 0 && program ? { program, value, findings } : { value, findings };
}

/** Whether this is a manifest at all, and one of a version that can be read. */
function headFindings(value: JsonObject, document: ParsedDocument): Finding[] {
  const findings: Finding[] = [];
  const refuse = (field: string, message: string, hint: string) =>
    findings.push({ code: 'SAME1007', message, place: document.place([field]), hint });
  const { apiVersion, kind } = value;
  const minor = /^same\/v1\.([0-9]+)$/.exec(String(apiVersion))?.[1];
  if (minor !== undefined) {
    const message = `${apiVersion} needs a version of same that knows minor ${minor} of v1`;
    refuse('apiVersion', message, `this version knows ${API_VERSION}: use a later one`);
  } else if (apiVersion !== undefined && apiVersion !== API_VERSION) {
    const known = `known: ${API_VERSION}`;
    const guess = nearest(String(apiVersion), [API_VERSION]);
    const hint = guess === undefined ? known : `did you mean ${guess}? (${known})`;
    refuse('apiVersion', `unknown apiVersion ${shown(apiVersion)}`, hint);
  }
  if (kind !== undefined && kind !== 'Program') {
    refuse('kind', `unknown kind ${shown(kind)}`, 'a manifest is of kind: Program');
  }
  return findings;
}

function ruleFindings(
  program: Program,
  value: JsonObject,
  document: ParsedDocument,
  issues: readonly z.core.$ZodIssue[],
): Finding[] {
  const findings: Finding[] = [];
  const rules: Rules = {
    program,
    value,
    report(code: ErrorCode, path: Path, message: string, hint?: string, what?: 'key' | 'value') {
      // It is there, only not as the schema wants it, which has been said.
      const below = (issue: z.core.$ZodIssue) => path.every((step, index) => issue.path[index] === step);
      if (code === 'SAME1008' && issues.some(below)) return;
      findings.push({
        code,
        message,
        place: document.place(path, what),
        ...(hint === undefined ? {} : { hint }),
      });
    },
  };
  checkParameters(rules);
  checkDeclarations(rules);
  checkPipeline(rules);
  checkResults(rules);
  return findings;
}

/** Leaves out what only follows from an earlier finding at the same place. */
function withoutEchoes(written: readonly Finding[], ruled: readonly Finding[]): Finding[] {
  const findings: Finding[] = [];
  const taken = new Map<string | undefined, ErrorCode>();
  for (const finding of written) {
    const first = taken.get(finding.place);
    // Several missing fields of one thing share its place.
    if (first !== undefined && !(first === 'SAME1008' && finding.code === 'SAME1008')) continue;
    taken.set(finding.place, finding.code);
    findings.push(finding);
  }
  return [...findings, ...ruled.filter(({ place }) => !taken.has(place) || taken.get(place) === 'SAME1008')];
}

/**
 * Fits a manifest to the schema: first without `x-` keys, then also without whatever has issues, so that the rest can
 * be checked in the same go. The issues are those of the first fit.
 */
function fit(value: JsonObject): { program?: Program; issues: readonly z.core.$ZodIssue[] } {
  const copy = structuredClone(value);
  let result = programSchema.safeParse(copy);
  if (result.success) return { program: sorted(result.data), issues: [] };
  for (const issue of result.error.issues) {
    if (issue.code === 'unrecognized_keys')
      remove(
        copy,
        issue.path as Path,
        issue.keys.filter((key) => key.startsWith('x-')),
      );
  }
  result = programSchema.safeParse(copy);
  if (result.success) return { program: sorted(result.data), issues: [] };
  const { issues } = result.error;
  // Each round removes something of a finite tree, and what is required is removed with what requires it.
  for (let round = 0; round < 12; round++) {
    for (const issue of result.error!.issues) prune(copy, issue);
    result = programSchema.safeParse(copy);
    if (result.success) return { program: sorted(result.data), issues };
  }
  return { issues };
}

function prune(copy: JsonObject, issue: z.core.$ZodIssue): void {
  const path = issue.path as Path;
  if (issue.code === 'unrecognized_keys') {
    remove(copy, path, issue.keys);
    return;
  }
  let at = path;
  // A missing field takes along the thing that needs it, an item its list: the others' places would shift.
  if (valueAt(copy, at) === undefined) at = at.slice(0, -1);
  while (typeof at.at(-1) === 'number') at = at.slice(0, -1);
  const [top] = path;
  if (at.length > 1) remove(copy, at.slice(0, -1), [String(at.at(-1))]);
  else if (top === 'apiVersion') copy.apiVersion = API_VERSION;
  else if (top === 'kind') copy.kind = 'Program';
  else if (top === 'metadata') copy.metadata = { name: 'unknown', version: '0' };
  else if (top === 'pipeline') copy.pipeline = { steps: {} };
  else if (top !== undefined) delete copy[String(top)];
}

function remove(copy: JsonObject, path: Path, keys: readonly string[]): void {
  const parent = valueAt(copy, path);
  if (isJsonObject(parent)) for (const key of keys) delete parent[key];
}

function sorted<T>(value: T): T {
  if (Array.isArray(value)) return value.map(sorted) as T;
  if (!isJsonObject(value as JsonValue)) return value;
  const entries = Object.entries(value as JsonObject).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, item]) => [key, sorted(item)])) as T;
}
