import { type Document, isCollection, isMap, isScalar, type Pair, parseDocument, type YAMLMap } from 'yaml';
import type { JsonValue } from './json.ts';

/** What commit changes in a manifest. */
export interface ManifestEdit {
  version: string;
  /** New defaults, by parameter name. */
  defaults: Record<string, JsonValue>;
  derivedFrom: { name: string; version: string; digest: string };
}

/**
 * Edits `same.yaml` in place: comments, order and layout of everything else stay as the author wrote them.
 * Values are spliced into the text where the document's own positions allow it; otherwise the document is printed anew,
 * comments kept.
 */
export function editManifest(text: string, edit: ManifestEdit): string {
  let edited = setIn(text, ['metadata', 'version'], edit.version);
  edited = setIn(edited, ['metadata', 'derivedFrom'], edit.derivedFrom);
  for (const [name, value] of Object.entries(edit.defaults)) {
    edited = setIn(edited, ['parameters', name, 'default'], value);
  }
  return edited;
}

function setIn(text: string, path: string[], value: JsonValue): string {
  const document = parseDocument(text, { keepSourceTokens: true });
  const spliced = splice(text, document, path, value);
  const wanted = document.clone() as Document;
  wanted.setIn(path, value);
  if (spliced !== undefined && sameValue(spliced, wanted)) return spliced;
  return wanted.toString({ lineWidth: 0 });
}

/** The text with one value replaced or one key added after its siblings' first; undefined where that is not simple. */
function splice(text: string, document: Document, path: string[], value: JsonValue): string | undefined {
  const parent = document.getIn(path.slice(0, -1), true);
  if (!isMap(parent) || parent.items.length === 0) return undefined;
  const key = path.at(-1)!;
  const json = JSON.stringify(value);
  const existing = parent.items.find((item) => isScalar(item.key) && item.key.value === key);
  if (existing) {
    const range = (existing.value as { range?: [number, number, number] } | null)?.range;
    // What is written over several lines in block style has comments and indentation of its own.
    const inOnePiece = isScalar(existing.value) || (isCollection(existing.value) && existing.value.flow);
    if (!range || !inOnePiece) return undefined;
    return text.slice(0, range[0]) + json + text.slice(range[1]);
  }
  return insertAfterFirst(text, parent, key, json);
}

function insertAfterFirst(text: string, parent: YAMLMap, key: string, json: string): string | undefined {
  const first = parent.items[0] as Pair<
    { range?: [number, number, number]; type?: string },
    { range?: [number, number, number] }
  >;
  const keyStart = first.key.range?.[0];
  const valueRange = first.value?.range;
  if (keyStart === undefined || !valueRange) return undefined;
  if (parent.flow) {
    // A manifest that is JSON stays JSON.
    const name = first.key.type === 'QUOTE_DOUBLE' ? JSON.stringify(key) : key;
    return `${text.slice(0, valueRange[1])}, ${name}: ${json}${text.slice(valueRange[1])}`;
  }
  const lineStart = text.lastIndexOf('\n', keyStart - 1) + 1;
  const indent = text.slice(lineStart, keyStart);
  if (indent.trim() !== '') return undefined;
  return `${text.slice(0, lineStart)}${indent}${key}: ${json}\n${text.slice(lineStart)}`;
}

function sameValue(text: string, wanted: Document): boolean {
  const document = parseDocument(text);
  if (document.errors.length > 0) return false;
  // Key order is no part of the value.
  return stable(document.toJS()) === stable(wanted.toJS());
}

function stable(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
