import { type Finding, throwFindings } from '../errors/same-error.ts';
import { parseReference } from '../program/reference.ts';
import { type FilterProblem, parseRunField, parseRunFilter } from '../runs/run-filter.ts';
import type { RunCondition, RunField, RunQuery } from '../runs/run-query.ts';

/** What a user asks of runs, as written. */
export interface RunWords {
  /** `NAME[:VERSION]` of a program. */
  name?: string;
  /** A filter (spec SAME-RUN-073). */
  where?: string;
  /** Fields with commas between them, `-` before those that are sorted from high to low. */
  sort?: string;
  /** Fields with commas between them; `parameters.*`, `metrics.*` and `tags.*` mean all that there are. */
  columns?: string;
  /** A number, or `all`. */
  limit?: string;
  /** A run: those within it are asked for (spec SAME-RUN-096). */
  within?: string;
}

/** A column of a listing: a field, or every name of a group. */
export type RunColumn = RunField | { all: 'parameters' | 'metrics' | 'tags' };

/** What is asked, read. */
export interface RunQuestion {
  query: RunQuery;
  columns?: RunColumn[];
  /** Every field that it names. */
  named: RunField[];
  /** The run that is asked for those within it. */
  within?: string;
}

/** @throws SAME1902 with every problem of every word */
export function readRunQuestion(words: RunWords): RunQuestion {
  const findings: Finding[] = [];
  const named: RunField[] = [];
  const refuse = (option: string, { message, at, hint }: FilterProblem) =>
    findings.push({
      code: 'SAME1902',
      message: `${option}: ${message}`,
      place: `${option} at character ${at + 1}`,
      ...(hint === undefined ? {} : { hint }),
      clause: 'SAME-RUN-073',
    });
  const fieldsOf = (option: string, text: string) =>
    listed(text).flatMap(({ part, at }) => {
      const read = parseRunField(part);
      if ('field' in read) return [read.field];
      refuse(option, { ...read.problem, at: at + read.problem.at });
      return [];
    });

  const query: RunQuery = {};
  if (words.name !== undefined) {
    const { name, version, digest } = parseReference(words.name);
    query.program = {
      name,
      ...(version === undefined ? {} : { version }),
      ...(digest === undefined ? {} : { digest }),
    };
  }
  if (words.where !== undefined) {
    const read = parseRunFilter(words.where);
    if ('condition' in read) {
      query.where = read.condition;
      named.push(...fieldsIn(read.condition));
    } else for (const problem of read.problems) refuse('--where', problem);
  }
  if (words.sort !== undefined) {
    query.sort = listed(words.sort).flatMap(({ part, at }) => {
      const order = /^(\S+)\s+(asc|desc)$/i.exec(part);
      const descending = part.startsWith('-');
      const read = parseRunField(descending ? part.slice(1) : part);
      if (order) {
        const hint = `write ${order[2]!.toLowerCase() === 'desc' ? '-' : ''}${order[1]}`;
        refuse('--sort', { message: `there is ${JSON.stringify(order[2])} after a field`, at, hint });
      } else if ('field' in read) return [{ field: read.field, descending }];
      else refuse('--sort', { ...read.problem, at });
      return [];
    });
    named.push(...query.sort.map(({ field }) => field));
  }
  const limit = words.limit ?? 'all';
  if (/^[1-9][0-9]{0,8}$/.test(limit)) query.limit = Number(limit);
  else if (limit !== 'all') {
    findings.push({
      code: 'SAME1902',
      message: `--limit takes a number of runs or all, got ${JSON.stringify(limit)}`,
      place: '--limit',
    });
  }
  const columns =
    words.columns === undefined
      ? undefined
      : listed(words.columns).flatMap(({ part, at }): RunColumn[] => {
          const all = /^(parameters|metrics|tags)\.\*$/.exec(part)?.[1] as 'tags' | undefined;
          if (all) return [{ all }];
          const fields = fieldsOf('--columns', ' '.repeat(at) + part);
          named.push(...fields);
          return fields;
        });
  throwFindings(findings);
  const { within } = words;
  return {
    query,
    ...(columns === undefined ? {} : { columns }),
    named: distinct(named),
    ...(within === undefined ? {} : { within }),
  };
}

/** The parts between commas that stand in no back-ticks. */
function listed(text: string): { part: string; at: number }[] {
  return [...text.matchAll(/(?:[^,`]|`[^`]*`?)+|(?<=^|,)(?=,|$)/g)].map(({ 0: part, index }) => ({
    part: part.trim(),
    at: index + (part.length - part.trimStart().length),
  }));
}

function fieldsIn(condition: RunCondition): RunField[] {
  if ('and' in condition) return condition.and.flatMap(fieldsIn);
  if ('or' in condition) return condition.or.flatMap(fieldsIn);
  if ('not' in condition) return fieldsIn(condition.not);
  return [condition.field];
}

function distinct(fields: readonly RunField[]): RunField[] {
  return [...new Map(fields.map((field) => [`${field.of}.${field.name}`, field])).values()];
}
