import { z } from 'zod';
import { type Finding, SameError } from '../errors/same-error.ts';
import { type ParsedDocument, parseDocument, sortFindings } from './document.ts';
import { isJsonObject, type JsonValue } from './json.ts';
import { foldName } from './name.ts';
import {
  ALIAS_NAME_RULE,
  isAliasName,
  parseAliasAddress,
  type RegistryAlias,
  type RegistryAliases,
} from './registry-alias.ts';
import { schemaFindings } from './schema-findings.ts';
import {
  isStoreKind,
  METADATA_STORES,
  type MetadataStoreAddress,
  parseStoreAddress,
} from './store-address.ts';
import { type ConfiguredTargets, parseTarget, type TargetSettings } from './target.ts';

/** What a user sets for a home, in its `config.yaml`. */
export interface Configuration {
  /** In the order of the file. */
  aliases: RegistryAliases;
  /** The store that runs are told to beside the home. */
  store?: MetadataStoreAddress;
  /** In the order of the file. */
  targets: ConfiguredTargets;
}

/** How the text of a valid `config.yaml` is changed; the rest of it stays as its user wrote it. */
export interface ConfigurationEditor {
  /** Sets an alias, last or where it was. */
  withAlias(text: string, alias: RegistryAlias): string;
  /** Takes out an alias, in whatever spelling it is named. */
  withoutAlias(text: string, name: string): string;
  /** Sets the store that runs are told to; undefined takes it out. */
  withStore(text: string, store: MetadataStoreAddress | undefined): string;
  /** Sets a target, or takes it out. */
  withTarget(text: string, name: string, settings: TargetSettings | undefined): string;
}

/** `registries: {aliases: {NAME: ADDRESS}}`, `metadata: {store: …}` and `targets: {NAME: …}`; what has nothing below it is as good as absent. */
const schema = z.strictObject({
  registries: z.strictObject({ aliases: z.record(z.string(), z.string()).nullish() }).nullish(),
  metadata: z
    .strictObject({
      store: z
        .strictObject({ kind: z.enum(METADATA_STORES), address: z.string(), ca: z.string().optional() })
        .nullish(),
    })
    .nullish(),
  targets: z
    .record(
      z.string(),
      z.strictObject({
        engine: z.string(),
        context: z.string().optional(),
        namespace: z.string().optional(),
      }),
    )
    .nullish(),
});

const SHAPE = 'write registries: {aliases: {NAME: "oci://HOST/NAMESPACE"}}';
const STORE_SHAPE =
  'write metadata: {store: {kind: mlflow, address: "http://HOST:5000"}}, or use: same set store';
const TARGET_SHAPE =
  'write targets: {NAME: {engine: kubernetes, context: CONTEXT, namespace: NAMESPACE}}, or use: same set target';

/**
 * Reads and checks `config.yaml`, which is written as manifests are (SAME-PRG-001 to 005); a file without a value sets
 * nothing. All problems are found at once: SAME1001…1005, SAME1011, SAME1015 of the document, SAME1805 of the aliases, SAME1814 of the store,
 * SAME1710 of the targets.
 */
export function parseConfiguration(
  bytes: Uint8Array,
  file: string,
): { configuration?: Configuration; findings: Finding[] } {
  if (isBlank(bytes)) return { configuration: { aliases: new Map(), targets: new Map() }, findings: [] };
  const document = parseDocument(bytes, file);
  if (document.value === undefined) return { findings: document.findings };
  const result = schema.safeParse(document.value);
  const fields = result.success ? [] : schemaFindings(result.error.issues, document.value, document, schema);
  const { aliases, findings } = aliasesIn(document.value, document);
  const { store, findings: ofStore } = storeIn(document.value, document);
  const { targets, findings: ofTargets } = targetsIn(document.value, document);
  const taken = new Set(document.findings.map(({ place }) => place));
  const all = [
    ...document.findings,
    ...[...fields, ...findings, ...ofStore, ...ofTargets].filter(({ place }) => !taken.has(place)),
  ].map((finding) => ({ hint: shapeFor(finding), ...finding }));
  if (all.length > 0) return { findings: sortFindings(all) };
  return { configuration: { aliases, targets, ...(store ? { store } : {}) }, findings: [] };
}

function shapeFor({ message }: Finding): string {
  if (/target/.test(message)) return TARGET_SHAPE;
  return /metadata|store/.test(message) ? STORE_SHAPE : SHAPE;
}

/** Whether a text has nothing but comments: a user may have commented everything out. */
function isBlank(bytes: Uint8Array): boolean {
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
  return text.split('\n').every((line) => /^(?:[ \t\r]*(?:#|$)|---[ \t\r]*$)/.test(line));
}

/** The aliases as far as they are text, and what is wrong with them. */
function aliasesIn(
  value: JsonValue,
  document: ParsedDocument,
): { aliases: RegistryAliases; findings: Finding[] } {
  const aliases = new Map<string, RegistryAlias>();
  const findings: Finding[] = [];
  const registries = isJsonObject(value) ? value.registries : undefined;
  const written = isJsonObject(registries) ? registries.aliases : undefined;
  for (const [name, address] of Object.entries(isJsonObject(written) ? written : {})) {
    const path = ['registries', 'aliases', name];
    const other = aliases.get(foldName(name));
    const nameProblem = !isAliasName(name)
      ? { message: `"${name}" is no name of an alias`, hint: ALIAS_NAME_RULE }
      : other && {
          message: `alias "${name}" differs only in spelling from "${other.name}"`,
          hint: 'keep one of them',
        };
    if (nameProblem) findings.push({ code: 'SAME1805', ...nameProblem, place: document.place(path, 'key') });
    if (typeof address !== 'string') continue;
    try {
      const alias = { name, address: parseAliasAddress(address) };
      if (!other) aliases.set(foldName(name), alias);
    } catch (error) {
      if (!(error instanceof SameError)) throw error;
      findings.push(...error.findings.map((finding) => ({ ...finding, place: document.place(path) })));
    }
  }
  return { aliases, findings };
}

/** The store as far as its fields are text, and what is wrong with its address. */
function storeIn(
  value: JsonValue,
  document: ParsedDocument,
): { store?: MetadataStoreAddress; findings: Finding[] } {
  const metadata = isJsonObject(value) ? value.metadata : undefined;
  const written = isJsonObject(metadata) ? metadata.store : undefined;
  if (!isJsonObject(written)) return { findings: [] };
  const { kind, address, ca } = written;
  if (typeof kind !== 'string' || !isStoreKind(kind) || typeof address !== 'string') return { findings: [] };
  try {
    const parsed = parseStoreAddress(kind, address);
    return {
      store: { kind, address: parsed, ...(typeof ca === 'string' ? { caFile: ca } : {}) },
      findings: [],
    };
  } catch (error) {
    if (!(error instanceof SameError)) throw error;
    const place = document.place(['metadata', 'store', 'address']);
    return { findings: error.findings.map((finding) => ({ ...finding, place })) };
  }
}

/** The targets as far as their fields are text, and what is wrong with them. */
function targetsIn(
  value: JsonValue,
  document: ParsedDocument,
): { targets: ConfiguredTargets; findings: Finding[] } {
  const targets = new Map<string, TargetSettings>();
  const findings: Finding[] = [];
  const written = isJsonObject(value) ? value.targets : undefined;
  for (const [name, settings] of Object.entries(isJsonObject(written) ? written : {})) {
    if (!isJsonObject(settings)) continue;
    const { engine, context, namespace } = settings;
    if (typeof engine !== 'string') continue;
    try {
      const text = (field: JsonValue | undefined) => (typeof field === 'string' ? field : undefined);
      targets.set(name, parseTarget(name, { engine, context: text(context), namespace: text(namespace) }));
    } catch (error) {
      if (!(error instanceof SameError)) throw error;
      const place = document.place(['targets', name]);
      findings.push(...error.findings.map((finding) => ({ ...finding, place })));
    }
  }
  return { targets, findings };
}
