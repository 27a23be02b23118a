import { createHash } from 'node:crypto';
import type { Reply } from './adapter.ts';
import { type ByteStrings, isByteString, replyBytes } from './byte-string.ts';
import type { Case, Expectation } from './case-file.ts';

/** Lines of a difference that are shown; the others are counted. */
const MOST_LINES = 20;
const MOST_TEXT = 160;

/** @returns what differs between a reply and what the case expects, a line each; empty when it is as expected */
export function differences(
  each: Pick<Case, 'verb' | 'expect'>,
  reply: Reply & { kind: 'ok' | 'refused' },
  strings: ByteStrings,
): string[] {
  const lines = [...compare(each.expect, each.verb, reply, strings)];
  if (lines.length <= MOST_LINES) return lines;
  return [...lines.slice(0, MOST_LINES), `and ${lines.length - MOST_LINES} more`];
}

function* compare(
  expect: Expectation,
  verb: string,
  reply: Reply & { kind: 'ok' | 'refused' },
  strings: ByteStrings,
): Generator<string> {
  if (verb === 'verify' && expect.findings !== undefined)
    return yield* compareVerified(expect.findings, reply);
  if (expect.findings !== undefined) {
    if (reply.kind === 'ok') {
      yield `expected ${codes(expect.findings)}, got the result ${show(reply.result)}`;
      return;
    }
    yield* compareFindings(expect.findings, reply.findings);
    if (expect.exit !== undefined && reply.exit !== expect.exit)
      yield `/exit: expected ${expect.exit}, got ${reply.exit ?? 'none'}`;
    return;
  }
  if (reply.kind === 'refused') {
    yield `expected a result, got ${reply.findings.map(describe).join('; ')}`;
    return;
  }
  const exact = expect.contains === undefined;
  const wanted = exact ? expect.result : expect.contains;
  yield* compareValues(wanted, reply.result, '', { exact, root: reply.result, strings });
}

/** For `verify`: each expected finding is among those reported, and no other code is. */
function* compareVerified(
  wanted: NonNullable<Expectation['findings']>,
  reply: Reply & { kind: 'ok' | 'refused' },
): Generator<string> {
  const got =
    reply.kind === 'refused'
      ? reply.findings
      : (reply.result as { findings?: (typeof wanted)[number][] }).findings;
  if (!Array.isArray(got)) {
    yield '/findings: must be a list';
    return;
  }
  for (const { code, clause } of wanted)
    if (!got.some((each) => each.code === code && (clause === undefined || each.clause === clause)))
      yield `expected ${code}${clause ? ` of ${clause}` : ''}, got ${got.map(describe).join('; ') || 'no finding'}`;
  const known = wanted.map(({ code }) => code);
  for (const each of got) if (!known.includes(each.code)) yield `got besides: ${describe(each)}`;
  const { digests } = reply.kind === 'ok' ? (reply.result as { digests?: unknown }) : {};
  if (got.length === 0 && digests === undefined) yield '/digests: expected, since there is no finding';
  if (got.length > 0 && digests !== undefined) yield '/digests: got some although there are findings';
}

/** Exactly the same codes, in any order; places and clauses where the case has them. */
function* compareFindings(
  wanted: NonNullable<Expectation['findings']>,
  got: NonNullable<Expectation['findings']>,
): Generator<string> {
  const left = [...got];
  // The particular ones first, so that a general one does not take what only they fit.
  const ordered = [...wanted].sort((a, b) => particulars(b) - particulars(a));
  const missing: typeof wanted = [];
  for (const each of ordered) {
    const index = left.findIndex((candidate) => fits(each, candidate));
    if (index < 0) missing.push(each);
    else left.splice(index, 1);
  }
  for (const each of missing)
    yield `expected ${each.code}${each.place ? ` at ${each.place}` : ''}${each.clause ? ` of ${each.clause}` : ''}`;
  for (const each of left) yield `got ${describe(each)}`;
}

function fits(wanted: { code: string; clause?: string; place?: string }, got: typeof wanted): boolean {
  if (wanted.code !== got.code) return false;
  if (wanted.place !== undefined && /[0-9]+:[0-9]+$/.exec(got.place ?? '')?.[0] !== wanted.place)
    return false;
  return wanted.clause === undefined || got.clause === undefined || wanted.clause === got.clause;
}

function particulars(finding: { clause?: string; place?: string }): number {
  return (finding.place === undefined ? 0 : 2) + (finding.clause === undefined ? 0 : 1);
}

interface Comparison {
  /** Whether everything must be named. */
  exact: boolean;
  /** The whole result, for pointers. */
  root: unknown;
  strings: ByteStrings;
}

function* compareValues(wanted: unknown, got: unknown, at: string, how: Comparison): Generator<string> {
  const matcher = how.exact ? undefined : matcherOf(wanted);
  if (matcher) return yield* match(matcher, got, at, how);
  const gotBytes = replyBytes(got);
  if (gotBytes !== undefined && isByteString(wanted))
    return yield* compareBytes(how.strings.bytes(wanted), wanted, gotBytes, got, at);
  if (gotBytes !== undefined && isDigest(wanted)) {
    const digest = `sha256:${createHash('sha256').update(gotBytes).digest('hex')}`;
    if (digest !== wanted.digest)
      yield `${at}: expected ${wanted.digest}, got ${digest} (${gotBytes.length} bytes)`;
    return;
  }
  if (Array.isArray(wanted) && Array.isArray(got)) {
    if (wanted.length !== got.length)
      yield `${at}: expected ${wanted.length} items, got ${got.length}: ${show(got)}`;
    for (const [index, item] of wanted.entries())
      if (index < got.length) yield* compareValues(item, got[index], `${at}/${index}`, how);
    return;
  }
  if (isObject(wanted) && isObject(got)) {
    for (const [name, member] of Object.entries(wanted)) {
      const place = `${at}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
      if (Object.hasOwn(got, name)) yield* compareValues(member, got[name], place, how);
      else if (how.exact || matcherOf(member)?.word !== '$absent')
        yield `${place}: expected ${show(member)}, got nothing`;
    }
    const unnamed = how.exact ? Object.keys(got).filter((name) => !Object.hasOwn(wanted, name)) : [];
    for (const name of unnamed) yield `${at}/${name}: expected nothing, got ${show(got[name])}`;
    return;
  }
  if (typeof wanted === 'string' && typeof got === 'string') {
    if (wanted !== got) yield `${at || '/'}: ${textDifference(wanted, got)}`;
  } else if (wanted !== got) yield `${at || '/'}: expected ${show(wanted)}, got ${show(got)}`;
}

const matchers = ['$matches', '$type', '$absent', '$has', '$same', '$differs'];

function matcherOf(value: unknown): { word: string; argument: unknown } | undefined {
  if (!isObject(value)) return undefined;
  const [entry, ...others] = Object.entries(value);
  if (!entry || others.length > 0 || !entry[0].startsWith('$')) return undefined;
  if (!matchers.includes(entry[0])) throw new Error(`no matcher is called ${entry[0]}`);
  return { word: entry[0], argument: entry[1] };
}

function* match(
  { word, argument }: { word: string; argument: unknown },
  got: unknown,
  at: string,
  how: Comparison,
): Generator<string> {
  const wrong = (text: string): string => `${at || '/'}: expected ${text}, got ${show(got)}`;
  if (word === '$matches') {
    const text = typeof got === 'string' ? got : replyBytes(got)?.toString('utf8');
    if (text === undefined || !new RegExp(argument as string, 'u').test(text))
      yield wrong(`a match of ${argument}`);
  } else if (word === '$type') {
    const type = got === null ? 'null' : Array.isArray(got) ? 'array' : typeof got;
    if (type !== argument && !(argument === 'integer' && Number.isInteger(got)))
      yield wrong(`type ${argument}`);
  } else if (word === '$absent') {
    yield wrong('nothing');
  } else if (word === '$has') {
    const items = Array.isArray(got) ? got : [];
    for (const item of argument as unknown[])
      if (!items.some((candidate) => [...compareValues(item, candidate, at, how)].length === 0))
        yield wrong(`an item ${show(item)}`);
  } else {
    const other = valueAt(how.root, argument as string);
    const equal = JSON.stringify(other) === JSON.stringify(got);
    if (equal !== (word === '$same'))
      yield wrong(`${word === '$same' ? 'the same as' : 'another than'} ${argument}, ${show(other)}`);
  }
}

/** @throws Error when a pointer of a case leads nowhere: two absences are not the same */
function valueAt(root: unknown, pointer: string): unknown {
  let value = root;
  for (const part of pointer.split('/').slice(1)) {
    const name = part.replaceAll('~1', '/').replaceAll('~0', '~');
    value = isObject(value) || Array.isArray(value) ? (value as Record<string, unknown>)[name] : undefined;
    if (value === undefined) throw new Error(`the result has nothing at ${pointer}`);
  }
  return value;
}

function* compareBytes(
  wanted: Buffer,
  wantedForm: Record<string, unknown>,
  got: Buffer,
  gotForm: unknown,
  at: string,
): Generator<string> {
  const executable = (gotForm as { executable?: boolean }).executable === true;
  if ((wantedForm.executable === true) !== executable)
    yield `${at}: expected ${wantedForm.executable === true ? 'an' : 'no'} executable file`;
  if (wanted.equals(got)) return;
  const texts = [wanted, got].map((bytes) => bytes.toString('utf8'));
  if (texts.every((text, index) => Buffer.from(text).equals([wanted, got][index]!) && text.length < 10_000)) {
    yield `${at}: ${textDifference(texts[0]!, texts[1]!)}`;
    return;
  }
  let first = 0;
  while (first < wanted.length && first < got.length && wanted[first] === got[first]) first++;
  const from = Math.max(0, first - 8);
  yield `${at}: expected ${wanted.length} bytes, got ${got.length}; they differ from byte ${first}: expected …${wanted
    .subarray(from, from + 32)
    .toString('hex')}, got …${got.subarray(from, from + 32).toString('hex')}`;
}

/** Both texts, or what is around the first place where long ones differ. */
function textDifference(wanted: string, got: string): string {
  if (wanted.length <= MOST_TEXT && got.length <= MOST_TEXT)
    return `expected ${show(wanted)}, got ${show(got)}`;
  let first = 0;
  while (wanted[first] === got[first]) first++;
  const from = Math.max(0, first - 40);
  const part = (text: string) => JSON.stringify(text.slice(from, from + MOST_TEXT - 40));
  return `from character ${first}: expected …${part(wanted)}, got …${part(got)}`;
}

function codes(findings: { code: string }[]): string {
  return findings.map(({ code }) => code).join(', ') || 'no finding';
}

function describe(finding: { code: string; clause?: string; place?: string; message?: string }): string {
  const { code, clause, place, message } = finding;
  return [code, place && `at ${place}`, clause && `of ${clause}`, message && `(${clip(message)})`]
    .filter(Boolean)
    .join(' ');
}

function show(value: unknown): string {
  return value === undefined ? 'nothing' : clip(JSON.stringify(value));
}

function clip(text: string): string {
  return text.length <= MOST_TEXT ? text : `${text.slice(0, MOST_TEXT)}…`;
}

/** Bytes that a case knows by their digest only. */
function isDigest(value: unknown): value is { digest: string } {
  return isObject(value) && typeof value.digest === 'string' && Object.keys(value).length === 1;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
