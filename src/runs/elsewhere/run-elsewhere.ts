import type { Finding } from '../../errors/same-error.ts';
import type { JsonValue } from '../../program/json.ts';

/** The tools whose runs can be read. */
export const TOOLS = ['mlruns', 'tensorboard'] as const;

/** One of {@link TOOLS}, by what its directory is called. */
export type RunTool = (typeof TOOLS)[number];

/** One value of a series. */
export interface MetricPoint {
  name: string;
  step: number;
  /** Milliseconds since 1970. */
  atMs: number;
  /** May be no finite number. */
  value: number;
}

/** A run as another tool tells of it. */
export interface RunElsewhere {
  /** How that tool calls it, unique among what was read. */
  id: string;
  name?: string;
  /** What that tool keeps it with: the name of an experiment. */
  group: string;
  /** `going` where the tool does not say that it ended. */
  status: 'succeeded' | 'failed' | 'canceled' | 'going';
  startedMs: number;
  finishedMs?: number;
  /** The id of the run that it is a part of. */
  parent?: string;
  parameters: Record<string, JsonValue>;
  /** In the order in which they were logged. */
  points: MetricPoint[];
  tags: Record<string, string>;
  note?: string;
  /** The commit of its code. */
  revision?: string;
  /** A directory of this machine with what it left. */
  artifacts?: string;
  warnings: string[];
}

/** What is read of the files of another tool: ordinary ones, and no link is followed. */
export interface ToolFiles {
  /** The bytes, or why they are not read: a file of more than the limit is refused unread. */
  read(path: string, limitBytes: number): { bytes: Buffer } | { because: string };
  /** What a path is itself, or undefined when there is nothing. */
  kind(path: string): 'file' | 'directory' | 'link' | 'other' | undefined;
  /** What is in a directory, sorted. */
  names(path: string): string[];
  /** Everything below a directory but directories, by `/`-separated path. */
  entries(path: string): Iterable<{ path: string; kind: 'file' | 'link' | 'other' }>;
}

/** What a directory of another tool holds. */
export interface RunsElsewhere {
  runs: RunElsewhere[];
  /** Runs that the tool keeps as deleted. */
  deleted: string[];
  /** What was left out where no run could say so. */
  warnings: string[];
  /** Everything that cannot be read, each with its file and place in it. */
  problems: Finding[];
}

/** The one name that no record can hold: JSON with such a key is refused wherever it is read. */
const UNNAMEABLE = '__proto__';

/** Why what has this name is left out, if a record cannot hold it. */
export function unnameable(kind: 'parameter' | 'tag' | 'metric', name: string): string | undefined {
  return name === UNNAMEABLE ? `${kind} "${name}" is left out: no record can hold that name` : undefined;
}

/** What is said of a link, pipe or the like that is not looked into. */
export function notFollowed(what: string, kind: 'link' | 'other' | 'file' | 'directory'): string {
  const why = kind === 'link' ? 'a symbolic link' : 'no ordinary file';
  return `${JSON.stringify(what)} is ${why} and is left out`;
}

/** A value of a parameter that a tool keeps as text: a JSON number is one; the rest stays text. */
export function parameterOf(text: string): JsonValue {
  if (!/^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+][0-9]+)?$/.test(text)) return text;
  const number = Number(text);
  const isExact = Number.isInteger(number) ? Number.isSafeInteger(number) : Number.isFinite(number);
  return isExact && !Object.is(number, -0) ? number : text;
}

/** What is wrong with a file of another tool (SAME1617). */
export function unreadable(file: string, place: string, message: string): Finding {
  return {
    code: 'SAME1617',
    message: `${file}: ${message}`,
    place: place === '' ? file : `${file}:${place}`,
    hint: 'nothing was imported; take the run out of the directory, or get its files again',
    clause: 'SAME-RUN-086',
  };
}
