import type { EngineEvent } from '../engines/engine.ts';
import type { Finding } from '../errors/same-error.ts';
import type { JsonValue } from '../program/json.ts';
import type { RunRecord } from '../runs/run-record.ts';
import { saidInEvent, saidInFinding, saidInRecord } from './said-texts.ts';
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
  event(event: EngineEvent): EngineEvent;
  /** The same of a problem. */
  finding(finding: Finding): Finding;
  /** Masks the texts of a record and takes out of them what tells whose machine this is (SAME-RUN-080). Its fields are set; what they hold is not changed. */
  record(record: RunRecord): void;
}

/**
 * Words that this tool's own texts, or most machines, have: as the name of a host they tell nothing, and taking them out
 * would only spoil texts.
 */
const PLAIN_WORDS = new Set(
  `archlinux build builder cell client command computer container data debian default desktop docker engine environment
  failed fedora file files home host input laptop linux list localhost local machine main metric metrics node output
  program python read root same server step steps succeeded test ubuntu user value work worker workstation`.split(
    /\s+/,
  ),
);
const START = '(?<![\\w.~$-])';
const END = '(?![\\w.-]*[\\w-])';
/** Homes of users by where systems put them, whoever they are. */
const HOMES = /(?<![\w.~$/-])(?:\/(?:home|Users)\/[^/\s'"`:;,()]+|\/root)(?=\/|[\s'"`:;,()]|$)/g;

/**
 * A redaction for one run.
 * @param lists names of its steps with `foreach`, whose cells have values that a step wrote
 */
export function redactionOf(
  masking: Masking,
  { hostName, directories }: Whereabouts,
  lists: Iterable<string> = [],
): Redaction {
  const listed = new Set(lists);
  // A directory before those that it lies in.
  const places = directories
    .filter(([path]) => path.length > 1)
    .sort(([a], [b]) => b.length - a.length)
    .map(([path, shown]) => ({ pattern: new RegExp(`${START}${quoted(path)}${END}`, 'g'), shown }));
  const host = new RegExp(`(?<![\\p{L}\\p{N}])${quoted(hostName)}(?![\\p{L}\\p{N}])`, 'gu');
  const tells = isTelling(hostName);
  const withoutPlaces = (text: string): string => {
    let left = text;
    if (text.includes('/')) {
      // A function: a home is written with a dollar.
      for (const { pattern, shown } of places) left = left.replace(pattern, () => shown);
      left = left.replace(HOMES, '~');
    }
    return tells && left.includes(hostName) ? left.replace(host, 'HOST') : left;
  };
  const { active, mask } = masking;
  const hidden = active ? (text: string) => withoutPlaces(mask(text)) : withoutPlaces;
  return {
    event: (event) => (active ? saidInEvent(event, mask) : event),
    finding: (finding) => (active ? saidInFinding(finding, mask) : finding),
    record: (record) => void Object.assign(record, saidInRecord(record, listed, hidden)),
  };
}

function quoted(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}

function isTelling(hostName: string): boolean {
  return hostName.length > 3 && !PLAIN_WORDS.has(hostName.toLowerCase());
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
