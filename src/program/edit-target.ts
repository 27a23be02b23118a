import { isMap, isScalar, type Pair, parseDocument } from 'yaml';
import { parseConfiguration } from './configuration.ts';
import type { TargetSettings } from './target.ts';

/**
 * Sets a target in the text of a valid `config.yaml`, or takes it out. What its user wrote beside it stays, comments and
 * all, wherever the document's own positions allow it; a first target comes last.
 */
export function withTarget(text: string, name: string, settings: TargetSettings | undefined): string {
  const document = parseDocument(text);
  if (settings === undefined) return cut(text, name) ?? printedWithout(text, name);
  const isBlock = !isMap(document.contents) || !document.contents.flow;
  if (isBlock && !document.has('targets')) {
    const before = text === '' || text.endsWith('\n') ? text : `${text}\n`;
    return `${before}targets:\n${linesOf(name, settings, '  ')}`;
  }
  const added = appended(text, name, settings);
  if (added !== undefined) return added;
  if (isMap(document.get('targets', true))) document.setIn(['targets', name], document.createNode(settings));
  else document.set('targets', document.createNode({ [name]: settings }));
  return document.toString({ lineWidth: 0 });
}

function linesOf(name: string, settings: TargetSettings, indent: string): string {
  const fields = Object.entries(settings).map(
    ([field, value]) => `${indent}  ${field}: ${JSON.stringify(value)}\n`,
  );
  return `${indent}${name}:\n${fields.join('')}`;
}

/** With a new target after the last one; undefined where others would be changed. */
function appended(text: string, name: string, settings: TargetSettings): string | undefined {
  const targets = parseDocument(text).get('targets', true);
  if (!isMap(targets) || targets.flow || targets.has(name)) return undefined;
  const last = targets.items.at(-1) as Ranged | undefined;
  const [start, end] = [last?.key?.range?.[0], last?.value?.range?.[1]];
  if (start === undefined || end === undefined) return undefined;
  const at = endOfLine(text, end);
  const before = at === text.length && !text.endsWith('\n') ? `${text}\n` : text.slice(0, at);
  const indent = text.slice(text.lastIndexOf('\n', start - 1) + 1, start);
  const candidate = before + linesOf(name, settings, indent) + text.slice(at);
  return indent.trim() === '' && factsOf(candidate, name) === factsOf(text) ? candidate : undefined;
}

/** Where the line ends on which `at` is, behind its line break; a block ends with it. */
function endOfLine(text: string, at: number): number {
  if (text[at - 1] === '\n') return at;
  const end = text.indexOf('\n', at);
  return end < 0 ? text.length : end + 1;
}

/** Without the lines of a target, and of all targets with the last one; undefined where others would be changed. */
function cut(text: string, name: string): string | undefined {
  const { contents } = parseDocument(text);
  const of = (map: unknown, key: string) =>
    isMap(map) && !map.flow
      ? map.items.find((item) => isScalar(item.key) && item.key.value === key)
      : undefined;
  const all = of(contents, 'targets');
  const one = of(all?.value, name);
  const isLast = isMap(all?.value) && all.value.items.length === 1;
  const range = (isLast ? [all, one] : [one, one]) as [Ranged?, Ranged?];
  const start = range[0]?.key?.range?.[0];
  const end = range[1]?.value?.range?.[1];
  if (start === undefined || end === undefined) return undefined;
  const from = text.lastIndexOf('\n', start - 1) + 1;
  if (text.slice(from, start).trim() !== '') return undefined;
  const left = text.slice(0, from) + text.slice(endOfLine(text, end));
  return factsOf(left) === factsOf(text, name) ? left : undefined;
}

type Ranged = Pair<{ range?: [number, number, number] | null }, { range?: [number, number, number] | null }>;

/** All that a configuration says but one target. */
function factsOf(text: string, without?: string): string {
  const { configuration, findings } = parseConfiguration(Buffer.from(text), 'config.yaml');
  const { aliases = [], targets = [], store } = configuration ?? {};
  return JSON.stringify([findings, [...aliases], [...targets].filter(([name]) => name !== without), store]);
}

function printedWithout(text: string, name: string): string {
  const document = parseDocument(text);
  document.deleteIn(['targets', name]);
  const left = document.get('targets', true);
  if (isMap(left) && left.items.length === 0) document.delete('targets');
  if (isMap(document.contents) && document.contents.items.length === 0 && !document.commentBefore) return '';
  return document.toString({ lineWidth: 0 });
}
