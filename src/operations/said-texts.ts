import type { EngineEvent, ReportedMetric } from '../engines/engine.ts';
import type { Logged, LoggedStep } from '../engines/intake.ts';
import type { Finding } from '../errors/same-error.ts';
import type { PlannedCell } from '../pipeline/plan.ts';
import { type JsonObject, type JsonValue, stableText } from '../program/json.ts';
import type { RunRecord } from '../runs/run-record.ts';

/** What becomes of one text. */
export type OfText = (text: string) => string;

const DIGEST = /^([a-z]+:)*sha256:[0-9a-f]{64}$/;

/**
 * A record with other texts where it repeats what a step, a tool or this machine said (SAME-RUN-080), by the places of
 * its schema: what the program and the caller say stays, byte for byte, and so do its keys.
 * @param lists names of the steps with `foreach`: values of their cells are items that a step wrote
 * @returns each field that differs; parts that do not are the same objects
 */
export function saidInRecord(record: RunRecord, lists: ReadonlySet<string>, of: OfText): Partial<RunRecord> {
  const shown = lists.size === 0 ? new Map<string, JsonObject>() : itemsShown(record, lists, of);
  const said: Partial<RunRecord> = {
    data: valuesOf(record.data, (one) => withFields(one, { uri: of(one.uri) })),
    code: withFields(record.code, { repository: maybe(record.code.repository, of) }),
    environments: valuesOf(record.environments, (one) =>
      withFields(one, { resolved: jsonOf(one.resolved, of) as JsonObject }),
    ),
    machine: withFields(record.machine, { gpu: items(record.machine.gpu, of) }),
    steps: items(record.steps, (step) =>
      withFields(step, {
        because: maybe(step.because, of),
        logged: maybe(step.logged, (logged) => loggedOf(logged, of)),
        matrix: shown.get(step.name),
      }),
    ),
    metrics: items(record.metrics, (metric) =>
      withFields(metric, {
        name: metric.declared ? metric.name : of(metric.name),
        matrix: metric.matrix && shown.get(metric.step),
      }),
    ),
    claims: items(record.claims, (claim) => withFields(claim, { because: maybe(claim.because, of) })),
    waivers: items(record.waivers, (waiver) => withFields(waiver, { have: of(waiver.have) })),
    services: valuesOf(record.services, of),
    warnings: items(record.warnings, of),
    error: maybe(record.error, (error) => withFields(error, { message: of(error.message) })),
  };
  return Object.fromEntries(
    Object.entries(said).filter(([name, field]) => field !== record[name as keyof RunRecord]),
  );
}

/**
 * The values of each cell of a list, by its name. Of different items that would read alike, texts that are written
 * otherwise have a number behind them: cells that are not the same do not look the same.
 */
function itemsShown({ steps }: RunRecord, lists: ReadonlySet<string>, of: OfText): Map<string, JsonObject> {
  const cells = steps.flatMap(({ name, of: step = name, matrix }) =>
    lists.has(step) && matrix ? [{ name, step, matrix, shown: jsonOf(matrix, of) as JsonObject }] : [],
  );
  const shown = new Map(cells.map((cell) => [cell.name, cell.shown]));
  for (const alike of Map.groupBy(cells, (cell) => stableText([cell.step, cell.shown])).values()) {
    const items = [...Map.groupBy(alike, ({ matrix }) => stableText(matrix)).values()];
    if (items.length === 1) continue;
    for (const [index, same] of items.entries()) {
      const numbered: OfText = (text) => (of(text) === text ? text : `${of(text)} #${index + 1}`);
      for (const { name, matrix } of same) shown.set(name, jsonOf(matrix, numbered) as JsonObject);
    }
  }
  return shown;
}

/** An event with other texts where it repeats what a step, a tool or this machine said; the same one where none differs. */
export function saidInEvent(event: EngineEvent, of: OfText): EngineEvent {
  switch (event.type) {
    case 'step-expanded':
      return withFields(event, { cells: items(event.cells, (cell) => itemOf(cell, of)) });
    case 'step-cached': {
      const { metrics, logged } = event.result;
      const result = withFields(event.result, {
        metrics: items(metrics, (one) => figureOf(one, of)),
        logged: maybe(logged, (one) => loggedOf(one, of)),
      });
      return withFields(event, { result });
    }
    case 'step-finished':
      return withFields(event, {
        metrics: items(event.metrics, (one) => figureOf(one, of)),
        logged: maybe(event.logged, (logged) => loggedOf(logged, of)),
        problems: items(event.problems, (one) => saidInFinding(one, of)),
        warnings: items(event.warnings, of),
      });
    case 'step-traced':
      return withFields(event, { reads: items(event.reads, of) });
    case 'step-skipped':
      return withFields(event, {
        because: of(event.because),
        problems: maybe(event.problems, (all) => items(all, (one) => saidInFinding(one, of))),
      });
    default:
      return event;
  }
}

/** A problem with other texts; the same one where none differs. */
export function saidInFinding(finding: Finding, of: OfText): Finding {
  const { message, place, hint } = finding;
  return withFields(finding, { message: of(message), place: maybe(place, of), hint: maybe(hint, of) });
}

/** A cell of a list: its values are items that a step wrote. */
function itemOf(cell: PlannedCell, of: OfText): PlannedCell {
  return withFields(cell, {
    matrix: jsonOf(cell.matrix, of) as JsonObject,
    skipped: maybe(cell.skipped, of),
  });
}

function figureOf(metric: ReportedMetric, of: OfText): ReportedMetric {
  return withFields(metric, { name: of(metric.name) });
}

function loggedOf(logged: LoggedStep, of: OfText): LoggedStep {
  return withFields(loggedFields(logged, of), {
    runs: maybe(logged.runs, (runs) =>
      items(runs, (run) =>
        withFields(loggedFields(run, of), {
          name: maybe(run.name, of),
          metrics: items(run.metrics, (one) => figureOf(one, of)),
        }),
      ),
    ),
  });
}

/** Names of what is logged are the step's, as its values are. */
function loggedFields<T extends Logged>(logged: T, of: OfText): T {
  const fields: Logged = {
    parameters: maybe(logged.parameters, (all) => freeMap(all, of, of)),
    drift: maybe(logged.drift, (all) => freeMap(all, of, (others) => items(others, of))),
    tags: maybe(logged.tags, (all) => freeMap(all, of, of)),
    models: maybe(logged.models, (models) =>
      items(models, (model) =>
        withFields(model, {
          name: of(model.name),
          path: maybe(model.path, of),
          type: maybe(model.type, of),
          parameters: maybe(model.parameters, (all) => freeMap(all, of, of)),
          tags: maybe(model.tags, (all) => freeMap(all, of, of)),
        }),
      ),
    ),
    inputs: maybe(logged.inputs, (inputs) =>
      items(inputs, (input) =>
        withFields(input, {
          name: of(input.name),
          digest: DIGEST.test(input.digest) ? input.digest : of(input.digest),
          context: maybe(input.context, of),
        }),
      ),
    ),
  };
  return withFields(logged, fields as Partial<T>);
}

/** Texts anywhere in a value but in its keys, and no digests. */
function jsonOf(value: JsonValue, of: OfText): JsonValue {
  if (typeof value === 'string') return DIGEST.test(value) ? value : of(value);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return items(value, (item) => jsonOf(item, of));
  return valuesOf(value, (item) => jsonOf(item, of));
}

function maybe<T>(value: T | undefined, of: (value: T) => T): T | undefined {
  return value === undefined ? undefined : of(value);
}

/** The object with these fields: itself where they are what it has. Undefined ones are left out. */
function withFields<T extends object>(whole: T, fields: { [K in keyof T]?: T[K] | undefined }): T {
  let changed = whole;
  for (const name in fields) {
    const field = fields[name];
    if (field === undefined || field === whole[name]) continue;
    if (changed === whole) changed = { ...whole };
    changed[name] = field as T[typeof name];
  }
  return changed;
}

function items<T>(list: T[], of: (item: T) => T): T[] {
  let changed = list;
  for (const [index, item] of list.entries()) {
    const other = of(item);
    if (other === item) continue;
    if (changed === list) changed = [...list];
    changed[index] = other;
  }
  return changed;
}

function valuesOf<T>(map: Record<string, T>, of: (value: T) => T): Record<string, T> {
  return freeMap(map, (name) => name, of);
}

function freeMap<T>(map: Record<string, T>, ofName: OfText, of: (value: T) => T): Record<string, T> {
  let isChanged = false;
  const entries = Object.entries(map).map(([name, value]): [string, T] => {
    const other: [string, T] = [ofName(name), of(value)];
    isChanged ||= other[0] !== name || other[1] !== value;
    return other;
  });
  return isChanged ? Object.fromEntries(entries) : map;
}
