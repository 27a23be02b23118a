import type { JsonValue } from '../program/json.ts';
import type { RunRecord } from '../runs/run-record.ts';
import type { Masking } from './secrets.ts';

/** What tells whose machine this is, beside what takes its place in a record. */
export interface Whereabouts {
  hostName: string;
  /** Absolute directories, each with what it is written as. */
  directories: readonly (readonly [path: string, shown: string])[];
}

/** What is taken out of the texts of runs before anything is kept of them. */
export interface Redaction {
  /** The same event with the values of secrets masked in what it tells people. */
  event<T extends object>(event: T): T;
  /** Masks the texts of a record and takes out of them what tells whose machine this is, in place (SAME-RUN-080). */
  record(record: RunRecord): void;
}

/** Fields whose texts are made of what a step, a tool or this machine said; the others are the program's own. */
const SAID = new Set([
  'message',
  'place',
  'hint',
  'because',
  'matrix',
  'logged',
  'warnings',
  'problems',
  'waivers',
  'services',
  'resolved',
  'repository',
  'uri',
  'gpu',
]);
const DIGEST = /^([a-z]+:)*sha256:[0-9a-f]{64}$/;
const START = '(?<![\\w.~$-])';
const END = '(?![\\w.-]*[\\w-])';
/** Homes of users by where systems put them, whoever they are. */
const HOMES = /(?<![\w.~$/-])(?:\/(?:home|Users)\/[^/\s'"`:;,()]+|\/root)(?=\/|[\s'"`:;,()]|$)/g;

/** A redaction for one run. */
export function redactionOf(masking: Masking, { hostName, directories }: Whereabouts): Redaction {
  // A directory before those that it lies in.
  const places = directories
    .filter(([path]) => path.length > 1)
    .sort(([a], [b]) => b.length - a.length)
    .map(([path, shown]) => ({ pattern: new RegExp(`${START}${quoted(path)}${END}`, 'g'), shown }));
  const withoutPlaces = (text: string): string => {
    let left = text;
    // A function: a home is written with a dollar.
    for (const { pattern, shown } of places) left = left.replace(pattern, () => shown);
    left = left.replace(HOMES, '~');
    return isTelling(hostName) ? left.replaceAll(hostName, 'HOST') : left;
  };
  return {
    event: (event) => (masking.active ? (redacted(event, masking.mask) as typeof event) : event),
    record(record) {
      Object.assign(
        record,
        redacted(record, (text) => withoutPlaces(masking.mask(text))),
      );
    },
  };
}

function quoted(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}

/** Names that so many machines have that they tell nothing; taking them out would only spoil texts. */
function isTelling(hostName: string): boolean {
  return hostName.length > 3 && hostName !== 'localhost';
}

function redacted(value: object, text: (text: string) => string): object {
  const walk = (one: unknown, field: string, isSaid: boolean): unknown => {
    if (typeof one === 'string') return isSaid && !DIGEST.test(one) ? text(one) : one;
    if (typeof one !== 'object' || one === null) return one;
    if (Array.isArray(one)) return one.map((item) => walk(item, field, isSaid));
    return Object.fromEntries(
      Object.entries(one).map(([name, item]) => [
        isSaid ? text(name) : name,
        walk(item, name, isSaid || SAID.has(name) || (field === 'metrics' && name === 'name')),
      ]),
    );
  };
  return walk(value, '', false) as object;
}

/** The parameters whose values hold those of secrets: a parameter is recorded, and a secret never is (SAME-RUN-081). */
export function secretParameters(
  parameters: Readonly<Record<string, { value: JsonValue }>>,
  secrets: Readonly<Record<string, string>>,
): { parameter: string; secret: string }[] {
  return Object.entries(parameters).flatMap(([parameter, { value }]) => {
    const texts = textsIn(value);
    const [secret] =
      Object.entries(secrets).find(([, known]) => texts.some((text) => holds(text, known))) ?? [];
    return secret === undefined ? [] : [{ parameter, secret }];
  });
}

/** A short value may be a part of anything by chance. */
function holds(text: string, secret: string): boolean {
  return secret.length >= 8 ? text.includes(secret) : secret.length >= 4 && text === secret;
}

function textsIn(value: JsonValue): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value === 'number') return [String(value)];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(textsIn);
}
