import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseAllDocuments,
  type YAMLError,
  type YAMLMap,
} from 'yaml';
import type { ErrorCode } from '../errors/catalogue.ts';
import type { Finding } from '../errors/same-error.ts';
import { isPortableNumber, type JsonObject, type JsonValue } from './json.ts';

/** A step into a document: a key or an index. */
export type Path = readonly (string | number)[];

/** A YAML or JSON text as JSON, with where each value is written. */
export interface ParsedDocument {
  /** What could be read; undefined when the syntax is broken. Not to be used when there are findings. */
  value?: JsonValue;
  findings: Finding[];
  /** `file:line:column` of a value, or of its key; of the nearest thing above when there is nothing at the path. */
  place(path: Path, what?: 'key' | 'value'): string;
  /** A scalar as it is written, for instance `1.10`. */
  written(path: Path): string | undefined;
}

const LARGEST_BYTES = 1024 * 1024;
const DEEPEST = 100;
const MOST_SYNTAX_FINDINGS = 5;
/** Characters of an unquoted template that a message repeats. */
const LONGEST_TEMPLATE = 200;

/**
 * Reads YAML 1.2 (core schema) restricted to what JSON can say, or JSON: UTF-8, at most 1 MiB, no anchors, aliases,
 * merge keys, tags, duplicate keys or second document. All problems are found at once where the syntax allows.
 */
export function parseDocument(bytes: Uint8Array, file: string, limitBytes = LARGEST_BYTES): ParsedDocument {
  const start = `${file}:1:1`;
  const refused = (finding: Finding): ParsedDocument => ({
    findings: [finding],
    place: () => start,
    written: () => undefined,
  });
  if (bytes.length > limitBytes) {
    return refused({
      code: 'SAME1011',
      message: `${file} has ${bytes.length} bytes`,
      place: start,
      hint: 'at most 1 MiB (1048576 bytes)',
    });
  }
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) {
    return refused({
      code: 'SAME1011',
      message: `${file} starts with a byte order mark`,
      place: start,
      hint: 'save it as UTF-8 without BOM',
    });
  }
  const text = decoded(bytes);
  if (text === undefined) {
    const readable = new TextDecoder().decode(bytes);
    const place = `${file}:${lineColumn(readable, readable.indexOf('\uFFFD'))}`;
    return refused({ code: 'SAME1011', message: `${file} is not UTF-8`, place, hint: 'save it as UTF-8' });
  }
  return new Reader(text, file).read();
}

/** Sorts findings by line and column; those without a place in a file come last, as they are. */
export function sortFindings(findings: readonly Finding[]): Finding[] {
  const position = ({ place }: Finding): [number, number] => {
    const match = /:([0-9]+):([0-9]+)$/.exec(place ?? '');
    return match ? [Number(match[1]), Number(match[2])] : [Number.MAX_SAFE_INTEGER, 0];
  };
  return findings
    .map((finding) => ({ finding, position: position(finding) }))
    .sort((a, b) => a.position[0] - b.position[0] || a.position[1] - b.position[1])
    .map(({ finding }) => finding);
}

function decoded(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function lineColumn(text: string, offset: number): string {
  const before = text.slice(0, offset);
  return `${before.split('\n').length}:${offset - before.lastIndexOf('\n')}`;
}

class Reader {
  readonly #text: string;
  readonly #file: string;
  readonly #lines = new LineCounter();
  readonly #findings: Finding[] = [];
  #root: Node | null = null;

  constructor(text: string, file: string) {
    this.#text = text;
    this.#file = file;
  }

  read(): ParsedDocument {
    const result: ParsedDocument = {
      findings: this.#findings,
      place: (path, what) => this.#placeOf(path, what ?? 'value'),
      written: (path) => this.#written(path),
    };
    const control = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n)/.exec(this.#text);
    if (control) {
      const code = control[0].charCodeAt(0).toString(16).padStart(2, '0');
      this.#findings.push({
        code: 'SAME1001',
        message: `control character 0x${code}`,
        place: `${this.#file}:${lineColumn(this.#text, control.index)}`,
        hint: 'write it as an escape in double quotes',
      });
      return result;
    }
    const documents = this.#documents();
    if (!documents) return result;
    const [document, second] = documents;
    if (!document) {
      this.#report('SAME1001', 'the document is empty', 0);
      return result;
    }
    const errors = [document, second].flatMap((each) => each?.errors ?? []);
    this.#root = document.contents;
    if (errors.length > 0) {
      this.#reportSyntax(errors);
      return result;
    }
    if (second) {
      this.#report(
        'SAME1002',
        'a second document',
        second.range?.[0] ?? 0,
        'a manifest is one document: remove the --- in its middle',
      );
    }
    if (/^(?:[ \t]*(?:#[^\n]*)?\n)*%/.test(this.#text)) {
      this.#report('SAME1002', 'a YAML directive', 0, 'remove the line that starts with %');
    }
    if (document.contents === null) this.#report('SAME1001', 'the document is empty', 0);
    else result.value = this.#valueOf(document.contents, 0);
    const sorted = sortFindings(this.#findings);
    this.#findings.splice(0, this.#findings.length, ...sorted);
    return result;
  }

  /** The documents of the text; undefined, and a finding, when not even the parser gets to their end. */
  #documents(): Document.Parsed[] | undefined {
    try {
      const documents = parseAllDocuments(this.#text, {
        schema: 'core',
        version: '1.2',
        merge: false,
        uniqueKeys: false,
        prettyErrors: false,
        logLevel: 'silent',
        lineCounter: this.#lines,
      });
      return Array.isArray(documents) ? (documents as Document.Parsed[]) : [];
    } catch (error) {
      // The parser goes down and back up by calling itself, also where the text is only broken again and again.
      if (!(error instanceof RangeError)) throw error;
      this.#report('SAME1001', 'nested too deeply, or broken in too many places', 0);
      return undefined;
    }
  }

  #valueOf(node: Node | null | undefined, depth: number): JsonValue {
    if (!node) return null;
    const at = node.range?.[0] ?? 0;
    if (isAlias(node)) {
      this.#report('SAME1002', `alias *${node.source}`, at, 'write the value out');
      return null;
    }
    if ((isMap(node) || isScalar(node) || isSeq(node)) && node.anchor) {
      this.#report(
        'SAME1002',
        `anchor &${node.anchor}`,
        at,
        'remove it, and write the value out where it is used',
      );
    }
    if (node.tag)
      this.#report('SAME1002', `tag ${node.tag}`, at, 'remove it; quote text that looks like something else');
    if (depth > DEEPEST) {
      this.#report('SAME1001', `nested deeper than ${DEEPEST} levels`, at);
      return null;
    }
    if (isSeq<Node>(node)) return node.items.map((item) => this.#valueOf(item, depth + 1));
    if (isMap<Node, Node | null>(node)) return this.#mapOf(node, depth);
    return isScalar(node) ? this.#scalarOf(node.value, node.source, at) : null;
  }

  #mapOf(map: YAMLMap<Node, Node | null>, depth: number): JsonValue {
    const start = map.range?.[0] ?? 0;
    if (this.#text.startsWith('{{', start)) return this.#reportTemplate(start);
    const object: JsonObject = {};
    for (const pair of map.items) {
      const key = this.#keyOf(pair, object);
      const value = this.#valueOf(pair.value, depth + 1);
      if (key !== undefined) object[key] = value;
    }
    return object;
  }

  /** Refuses the `{{…}}` that starts here. @returns it, as far as one line and a message hold it */
  #reportTemplate(start: number): string {
    const near = this.#text.slice(start, start + LONGEST_TEMPLATE);
    const end = near.indexOf('}}');
    const template = end < 0 ? '{{' : near.slice(0, end + 2);
    this.#report('SAME1001', `an unquoted ${template} is YAML for a map`, start, `quote it: "${template}"`);
    return template;
  }

  /** The key when it is one that JSON can have and that is not there yet. */
  #keyOf(pair: Pair<Node, Node | null>, object: JsonObject): string | undefined {
    const node = pair.key;
    const at = node?.range?.[0] ?? 0;
    if (isAlias(node)) {
      this.#report('SAME1002', `alias *${node.source} as a key`, at, 'write the key out');
      return undefined;
    }
    if (isMap(node) && this.#text.startsWith('{{', at)) {
      this.#reportTemplate(at);
      return undefined;
    }
    if (!isScalar(node) || typeof node.value !== 'string') {
      const text = isScalar(node) ? (node.source ?? '') : this.#text.slice(at, node?.range?.[1] ?? at);
      this.#report(
        'SAME1002',
        `key ${text === '' ? '(empty)' : text} is not text`,
        at,
        'quote it if it is meant as text',
      );
      return undefined;
    }
    if (node.anchor) this.#report('SAME1002', `anchor &${node.anchor}`, at, 'remove it');
    if (node.tag) this.#report('SAME1002', `tag ${node.tag}`, at, 'remove it');
    const key = node.value;
    if (key === '<<' && node.type === 'PLAIN') {
      this.#report('SAME1002', 'merge key <<', at, 'write the fields out');
      return undefined;
    }
    if (key === '__proto__') {
      this.#report('SAME1015', 'key "__proto__" is not portable', at, 'use another name');
      return undefined;
    }
    if (!key.isWellFormed()) this.#report('SAME1015', 'the key has half a surrogate pair', at);
    if (Object.hasOwn(object, key)) {
      this.#report('SAME1003', `key "${key}" is there twice`, at, 'keep one of them');
      return undefined;
    }
    return key;
  }

  #scalarOf(value: unknown, source: string | undefined, at: number): JsonValue {
    if (typeof value === 'string') {
      if (!value.isWellFormed()) this.#report('SAME1015', 'the text has half a surrogate pair', at);
      return value;
    }
    if (typeof value === 'number') {
      const written = source ?? String(value);
      const integer = /^[-+]?[0-9]+$/.test(written);
      if (!Number.isFinite(value)) {
        this.#report('SAME1015', `${written} is no number in JSON`, at, 'quote it if it is meant as text');
      } else if (!isPortableNumber(value) || (integer && !Number.isSafeInteger(value))) {
        this.#report(
          'SAME1015',
          `${written} is beyond ±(2^53−1) and would not be kept exactly`,
          at,
          `quote it: "${written}"`,
        );
      }
      return value === 0 ? 0 : value;
    }
    return typeof value === 'boolean' ? value : null;
  }

  #reportSyntax(errors: readonly YAMLError[]): void {
    const lines = new Set<number>();
    for (const { code, message, pos } of errors) {
      const { line } = this.#lines.linePos(pos[0]);
      if (lines.has(line) || lines.size >= MOST_SYNTAX_FINDINGS) continue;
      lines.add(line);
      if (code === 'RESOURCE_EXHAUSTION') this.#report('SAME1001', 'nested too deeply', pos[0]);
      else this.#report('SAME1001', message, pos[0], this.#syntaxHint(code, line));
    }
  }

  #syntaxHint(code: YAMLError['code'], line: number): string | undefined {
    const text = this.#text.split('\n', line)[line - 1] ?? '';
    if (text.includes('{{')) return 'quote the text with {{…}}: "…{{…}}…"';
    if (code === 'TAB_AS_INDENT') return 'indent with spaces';
    if (code === 'BLOCK_AS_IMPLICIT_KEY') return 'quote text that has ": " in it';
    if (code === 'BAD_SCALAR_START') return 'quote the text';
    return undefined;
  }

  #report(code: ErrorCode, message: string, offset: number, hint?: string): void {
    this.#findings.push({ code, message, place: this.#at(offset), ...(hint === undefined ? {} : { hint }) });
  }

  #at(offset: number): string {
    const { line, col } = this.#lines.linePos(offset);
    return line === 0 ? `${this.#file}:1:1` : `${this.#file}:${line}:${col}`;
  }

  #placeOf(path: Path, what: 'key' | 'value'): string {
    let node = this.#root;
    let offset = node?.range?.[0] ?? 0;
    for (const [index, step] of path.entries()) {
      const found = childOf(node, step);
      if (!found) break;
      const last = index === path.length - 1;
      const value = found.value?.range?.[0];
      const key = found.key?.range?.[0];
      // What is missing is missing from the thing whose key can be pointed at.
      offset = (last && what === 'value' ? (value ?? key) : (key ?? value)) ?? offset;
      node = found.value;
    }
    return this.#at(offset);
  }

  #written(path: Path): string | undefined {
    let node = this.#root;
    for (const step of path) node = childOf(node, step)?.value ?? null;
    return isScalar(node) ? node.source : undefined;
  }
}

function childOf(node: Node | null, step: string | number): { key?: Node; value: Node | null } | undefined {
  if (isSeq<Node>(node)) {
    const value = node.items[Number(step)];
    return value ? { value } : undefined;
  }
  if (!isMap<Node, Node | null>(node)) return undefined;
  const pair = pairsOf(node).get(step);
  return pair && { key: pair.key, value: pair.value };
}

const pairsByKey = new WeakMap<YAMLMap<Node, Node | null>, Map<unknown, Pair<Node, Node | null>>>();

/** The first pair of each key: looking through all of them for each finding takes minutes where every key is wrong. */
function pairsOf(map: YAMLMap<Node, Node | null>): Map<unknown, Pair<Node, Node | null>> {
  let pairs = pairsByKey.get(map);
  if (!pairs) {
    pairs = new Map();
    for (const pair of map.items) {
      if (isScalar(pair.key) && !pairs.has(pair.key.value)) pairs.set(pair.key.value, pair);
    }
    pairsByKey.set(map, pairs);
  }
  return pairs;
}
