import { parseTreeList, type TreeEntry } from '../bundle/tree.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../program/json.ts';

/** One part of a key that is not what it was. A side that is absent did not have the part. */
export interface KeyChange {
  /** For instance `parameter epochs`, `input features`, `code lib/model.py`. */
  what: string;
  old?: JsonValue;
  new?: JsonValue;
}

/** What members of a key document hold names with values, and what one of these is called. */
const NAMED: Record<string, string> = {
  parameters: 'parameter',
  matrix: 'dimension',
  inputs: 'input',
  outputs: 'output',
  variables: 'variable',
};

/**
 * What makes two key documents (spec SAME-STP-028) different, in the order in which their members are named there.
 * @param trees the lists of both code trees, where they are known: then changed files are told one by one
 */
export function keyChanges(
  before: JsonObject,
  after: JsonObject,
  trees?: { before: Uint8Array; after: Uint8Array },
): KeyChange[] {
  const members = ['contract', 'command', 'workdir', 'parameters', 'matrix', 'inputs', 'outputs', 'network'];
  const order = [...members, 'code', 'environment', 'variables', 'platform'];
  return order.flatMap((member): KeyChange[] => {
    const [old, now] = [before[member], after[member]];
    if (isSame(old, now)) return [];
    const noun = NAMED[member];
    if (noun !== undefined) return namedChanges(noun, asObject(old), asObject(now));
    if (member === 'code' && trees) return fileChanges(trees.before, trees.after);
    return [changeOf(member, old, now)];
  });
}

function namedChanges(noun: string, old: JsonObject, now: JsonObject): KeyChange[] {
  const names = [...new Set([...Object.keys(old), ...Object.keys(now)])].sort();
  return names.flatMap((name) =>
    isSame(old[name], now[name]) ? [] : partChanges(`${noun} ${name}`, old[name], now[name]),
  );
}

/** An input or output is told by its part that changed; of an input that is nearly always the content. */
function partChanges(what: string, old: JsonValue | undefined, now: JsonValue | undefined): KeyChange[] {
  if (!isJsonObject(old) || !isJsonObject(now) || what.startsWith('parameter'))
    return [changeOf(what, old, now)];
  const parts = [...new Set([...Object.keys(old), ...Object.keys(now)])].sort();
  return parts.flatMap((part) =>
    isSame(old[part], now[part])
      ? []
      : [changeOf(part === 'digest' ? what : `${what}, ${part}`, old[part], now[part])],
  );
}

function fileChanges(before: Uint8Array, after: Uint8Array): KeyChange[] {
  const [old, now] = [filesOf(before), filesOf(after)];
  const paths = [...new Set([...old.keys(), ...now.keys()])].sort();
  return paths.flatMap((path): KeyChange[] => {
    const [was, is] = [old.get(path), now.get(path)];
    if (was?.digest !== is?.digest) return [changeOf(`code ${path}`, was?.digest, is?.digest)];
    if (was?.executable === is?.executable) return [];
    return [changeOf(`code ${path}, executable`, was?.executable, is?.executable)];
  });
}

/** A tree without files has a list too, which {@link parseTreeList} takes for damaged. */
function filesOf(list: Uint8Array): Map<string, TreeEntry> {
  const entries = list.length <= '[]'.length ? [] : parseTreeList(list);
  return new Map(entries.map((entry) => [entry.path, entry]));
}

function changeOf(what: string, old: JsonValue | undefined, now: JsonValue | undefined): KeyChange {
  return { what, ...(old === undefined ? {} : { old }), ...(now === undefined ? {} : { new: now }) };
}

function asObject(value: JsonValue | undefined): JsonObject {
  return isJsonObject(value) ? value : {};
}

function isSame(a: JsonValue | undefined, b: JsonValue | undefined): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
