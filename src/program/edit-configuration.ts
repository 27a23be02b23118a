import { type Document, isMap, isScalar, type Pair, parseDocument, type YAMLMap } from 'yaml';
import { SameError } from '../errors/same-error.ts';
import { type Configuration, parseConfiguration } from './configuration.ts';
import { foldName } from './name.ts';
import type { RegistryAlias } from './registry-alias.ts';

type Ranged = { range?: [number, number, number] | null };
type Entry = Pair<Ranged & { value?: unknown }, Ranged | null>;

const PATH = ['registries', 'aliases'];

/**
 * Sets an alias in the text of a valid `config.yaml`: it comes last, or stays where it was. Comments, order and layout of
 * everything else stay as their user wrote them, wherever the document's own positions allow it.
 */
export function withAlias(text: string, alias: RegistryAlias): string {
  const wanted = aliasesOf(text);
  const spelling = wanted.get(foldName(alias.name))?.name ?? alias.name;
  wanted.set(foldName(alias.name), { name: spelling, address: alias.address });
  return edited(text, wanted, [
    () => spliceIn(text, spelling, alias.address),
    () => printedWith(text, spelling, alias.address),
  ]);
}

/** Takes an alias out of the text of a valid `config.yaml`, as {@link withAlias} puts it in. */
export function withoutAlias(text: string, name: string): string {
  const wanted = aliasesOf(text);
  const alias = wanted.get(foldName(name));
  if (!alias) return text;
  wanted.delete(foldName(name));
  return edited(text, wanted, [() => spliceOut(text, alias.name), () => printedWithout(text, alias.name)]);
}

/** All that no alias is: it stays as it is. */
function othersOf(configuration: Configuration | undefined): string {
  return JSON.stringify([configuration?.store, [...(configuration?.targets ?? [])]]);
}

function aliasesOf(text: string): Map<string, RegistryAlias> {
  return new Map(parseConfiguration(Buffer.from(text), 'config.yaml').configuration?.aliases);
}

/** The first text that says what is wanted. */
function edited(
  text: string,
  wanted: ReadonlyMap<string, RegistryAlias>,
  ways: (() => string | undefined)[],
): string {
  const others = othersOf(parseConfiguration(Buffer.from(text), 'config.yaml').configuration);
  for (const way of ways) {
    const candidate = way();
    if (candidate === undefined) continue;
    const { configuration } = parseConfiguration(Buffer.from(candidate), 'config.yaml');
    if (!configuration || !sameAliases(configuration.aliases, wanted)) continue;
    if (othersOf(configuration) === others) return candidate;
  }
  throw new SameError({ code: 'SAME7001', message: `config.yaml cannot be edited: ${JSON.stringify(text)}` });
}

function sameAliases(a: ReadonlyMap<string, RegistryAlias>, b: ReadonlyMap<string, RegistryAlias>): boolean {
  return a.size === b.size && [...a].every(([key, { address }]) => b.get(key)?.address === address);
}

function spliceIn(text: string, name: string, address: string): string | undefined {
  const newline = text.includes('\r\n') ? '\r\n' : '\n';
  const line = `${keyText(name)}: ${JSON.stringify(address)}`;
  const document = parseDocument(text);
  if (!isMap(document.contents)) {
    return `${text}${text === '' || text.endsWith('\n') ? '' : newline}${['registries:', '  aliases:', `    ${line}`, ''].join(newline)}`;
  }
  const aliases = document.getIn(PATH, true);
  const isEmpty = !isMap(aliases) || aliases.items.length === 0;
  const below = isEmpty ? spliceBelow(text, document, line, newline) : undefined;
  if (below !== undefined || !isMap(aliases)) return below;
  const existing = entryOf(aliases, name);
  if (existing) return replaced(text, existing.value?.range, JSON.stringify(address));
  if (aliases.flow) {
    const last = aliases.items.at(-1) as Entry | undefined;
    // A configuration that is JSON stays JSON.
    const member = `${JSON.stringify(name)}: ${JSON.stringify(address)}`;
    if (!last) return replaced(text, aliases.range, `{${member}}`);
    const end = last.value?.range?.[1];
    return end === undefined ? undefined : `${text.slice(0, end)}, ${member}${text.slice(end)}`;
  }
  const last = aliases.items.at(-1) as Entry;
  const indent = indentOf(text, last);
  if (indent === undefined) return undefined;
  const end = endOfLine(text, last.value?.range?.[1] ?? 0);
  const before = text.slice(0, end);
  return `${before}${before.endsWith('\n') ? '' : newline}${indent}${line}${newline}${text.slice(end)}`;
}

/** Puts the first alias below a key that has nothing below it, comments apart. */
function spliceBelow(text: string, document: Document, line: string, newline: string): string | undefined {
  if (!isMap(document.contents) || document.contents.flow) return undefined;
  const registries = entryOf(document.contents, 'registries');
  const map = document.getIn(['registries'], true);
  if (isMap(map) && map.flow && map.items.length > 0) return undefined;
  const aliases = isMap(map) ? entryOf(map, 'aliases') : undefined;
  const above = aliases ?? registries;
  const keyEnd = above?.key.range?.[1];
  const indent = above && indentOf(text, above);
  if (keyEnd === undefined || indent === undefined) return undefined;
  const end = endOfLine(text, keyEnd);
  // `{}`, `null` or `~` on that line gives way; a comment after it stays.
  const rest = text.slice(keyEnd, end).replace(/^(\s*:)\s*(?:\{\s*\}|null|Null|NULL|~)/, '$1');
  const first = rest.endsWith('\n') ? rest : `${rest}${newline}`;
  const below = aliases ? [`${indent}  ${line}`] : [`${indent}  aliases:`, `${indent}    ${line}`];
  return `${text.slice(0, keyEnd)}${first}${below.join(newline)}${newline}${text.slice(end)}`;
}

function spliceOut(text: string, name: string): string | undefined {
  const aliases = parseDocument(text).getIn(PATH, true);
  const entry = isMap(aliases) ? entryOf(aliases, name) : undefined;
  const [start, end] = [entry?.key.range?.[0], entry?.value?.range?.[1]];
  if (!isMap(aliases) || !entry || start === undefined || end === undefined) return undefined;
  if (!aliases.flow) {
    const indent = indentOf(text, entry);
    return indent === undefined
      ? undefined
      : text.slice(0, start - indent.length) + text.slice(endOfLine(text, end));
  }
  const index = aliases.items.indexOf(entry as Pair);
  const [before, after] = [aliases.items[index - 1], aliases.items[index + 1]] as (Entry | undefined)[];
  const from = after || !before ? start : before.value!.range![1];
  const to = after ? after.key.range![0] : end;
  return text.slice(from, to).includes('#') ? undefined : text.slice(0, from) + text.slice(to);
}

function printedWith(text: string, name: string, address: string): string {
  const document = parseDocument(text);
  const key = [...PATH, name];
  const depth = [1, 2].find((length) => !isMap(document.getIn(key.slice(0, length), true)));
  // What is no map is null, and takes no member.
  if (depth === 1) document.set('registries', document.createNode({ aliases: { [name]: address } }));
  else if (depth === 2) document.setIn(PATH, document.createNode({ [name]: address }));
  else document.setIn(key, address);
  return document.toString({ lineWidth: 0 });
}

function printedWithout(text: string, name: string): string {
  const document = parseDocument(text);
  document.deleteIn([...PATH, name]);
  return document.toString({ lineWidth: 0 });
}

function entryOf(map: YAMLMap, key: string): Entry | undefined {
  return map.items.find((item) => isScalar(item.key) && item.key.value === key) as Entry | undefined;
}

function replaced(text: string, range: Ranged['range'], by: string): string | undefined {
  return range ? text.slice(0, range[0]) + by + text.slice(range[1]) : undefined;
}

/** What is before a key on its line, when that is blank. */
function indentOf(text: string, { key }: Entry): string | undefined {
  const start = key.range?.[0];
  if (start === undefined) return undefined;
  const indent = text.slice(text.lastIndexOf('\n', start - 1) + 1, start);
  return /^ *$/.test(indent) ? indent : undefined;
}

/** Where the line ends on which `at` is, behind its line break; a text in block style ends with it. */
function endOfLine(text: string, at: number): number {
  if (text[at - 1] === '\n') return at;
  const end = text.indexOf('\n', at);
  return end < 0 ? text.length : end + 1;
}

/** Quoted where YAML would read something else than text. */
function keyText(name: string): string {
  return /^[A-Za-z][A-Za-z0-9-]*$/.test(name) && !/^(true|false|null)$/i.test(name)
    ? name
    : JSON.stringify(name);
}
