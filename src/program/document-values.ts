import { isAlias, isMap, isScalar, isSeq, type Node, type Pair, type YAMLMap } from 'yaml';
import type { ErrorCode } from '../errors/catalogue.ts';
import { isPortableNumber, type JsonObject, type JsonValue } from './json.ts';

/** Told what is wrong at an offset of a text. */
export type ReportAt = (code: ErrorCode, message: string, offset: number, hint?: string) => void;

const DEEPEST = 100;
/** Characters of an unquoted template that a message repeats. */
const LONGEST_TEMPLATE = 200;

/** Makes JSON of what a YAML text says, as far as JSON can say it; everything else is reported. */
export class DocumentValues {
  readonly #text: string;
  readonly #report: ReportAt;

  constructor(text: string, report: ReportAt) {
    this.#text = text;
    this.#report = report;
  }

  /** The value of a node, null where it has none. */
  of(node: Node | null | undefined, depth = 0): JsonValue {
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
    if (isSeq<Node>(node)) return node.items.map((item) => this.of(item, depth + 1));
    if (isMap<Node, Node | null>(node)) return this.#mapOf(node, depth);
    return isScalar(node) ? this.#scalarOf(node.value, node.source, at) : null;
  }

  #mapOf(map: YAMLMap<Node, Node | null>, depth: number): JsonValue {
    const start = map.range?.[0] ?? 0;
    if (this.#text.startsWith('{{', start)) return this.#reportTemplate(start);
    const object: JsonObject = {};
    for (const pair of map.items) {
      const key = this.#keyOf(pair, object);
      const value = this.of(pair.value, depth + 1);
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
}
