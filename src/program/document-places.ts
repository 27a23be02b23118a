import { isMap, isScalar, isSeq, LineCounter, type Node, type Pair, type YAMLMap } from 'yaml';

/** A step into a document: a key or an index. */
export type Path = readonly (string | number)[];

/** Where the values of a YAML text are written. */
export class DocumentPlaces {
  /** Filled in by the parser. */
  readonly lines = new LineCounter();
  /** What was read, once it is. */
  root: Node | null = null;
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  /** `file:line:column` of an offset. */
  at(offset: number): string {
    const { line, col } = this.lines.linePos(offset);
    return line === 0 ? `${this.#file}:1:1` : `${this.#file}:${line}:${col}`;
  }

  /** That of a value, or of its key; of the nearest thing above when there is nothing at the path. */
  of(path: Path, what: 'key' | 'value'): string {
    let node = this.root;
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
    return this.at(offset);
  }

  /** A scalar as it is written, for instance `1.10`. */
  written(path: Path): string | undefined {
    let node = this.root;
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
