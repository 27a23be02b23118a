import type { Finding } from '../../errors/same-error.ts';
import type { JsonValue } from '../../program/json.ts';
import { type Message, readEventRecords, readMessage, shortest } from './event-file.ts';
import {
  notFollowed,
  type RunElsewhere,
  type RunsElsewhere,
  type ToolFiles,
  unnameable,
  unreadable,
} from './run-elsewhere.ts';

/** An event file is read as one piece, which has to fit into the memory. */
const LIMIT_BYTES = 2 ** 30;

/** What the hyper-parameters plugin says of how a run ended. */
const ENDS: Record<number, RunElsewhere['status']> = { 1: 'succeeded', 2: 'failed', 3: 'going' };
const SAYS_NO_END = 'TensorBoard does not say how the run ended';

/**
 * Reads TensorBoard's event files: every directory below that holds some is a run, called by its path.
 * @param directory may be a link; those in it are not followed
 * @param group what the runs are kept with
 */
export function readTensorBoard(files: ToolFiles, directory: string, group: string): RunsElsewhere {
  const found: RunsElsewhere = { runs: [], deleted: [], warnings: [], problems: [] };
  const written: string[] = [];
  for (const { path, kind } of files.entries(directory)) {
    const isNamedSo = path.slice(path.lastIndexOf('/') + 1).includes('.tfevents.');
    // A link may lead to a directory with runs, whatever it is called.
    if (kind === 'link' || (isNamedSo && kind === 'other'))
      found.warnings.push(notFollowed(`${directory}/${path}`, kind));
    else if (isNamedSo) written.push(path);
  }
  if (written.length === 0) {
    found.problems.push({
      ...unreadable(directory, '', 'there is no event file (*.tfevents.*) in it'),
      hint: 'name the directory that tensorboard takes as --logdir',
    });
  }
  const directories = Map.groupBy(written, (path) =>
    path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '.',
  );
  for (const [id, paths] of [...directories].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const run = runOf(id, group);
    const told = new Told();
    for (const path of paths.sort()) readFile(files, `${directory}/${path}`, run, told, found.problems);
    if (Number.isFinite(told.firstMs)) found.runs.push(ended(run, told));
  }
  return found;
}

function runOf(id: string, group: string): RunElsewhere {
  const name = id === '.' ? {} : { name: id };
  return {
    id,
    ...name,
    group,
    status: 'succeeded',
    startedMs: 0,
    parameters: {},
    points: [],
    tags: {},
    warnings: [],
  };
}

/** What the events of one run have said so far. */
class Told {
  firstMs = Infinity;
  lastMs = -Infinity;
  status: RunElsewhere['status'] | undefined;
  /** Tags that are known to be of scalars. */
  readonly scalars = new Set<string>();
}

function ended(run: RunElsewhere, { firstMs, lastMs, status }: Told): RunElsewhere {
  if (status === undefined) run.warnings.push(SAYS_NO_END);
  return { ...run, status: status ?? 'succeeded', startedMs: firstMs, finishedMs: lastMs };
}

function readFile(files: ToolFiles, file: string, run: RunElsewhere, told: Told, problems: Finding[]): void {
  const read = files.read(file, LIMIT_BYTES);
  if ('because' in read) {
    problems.push(unreadable(file, '', read.because));
    return;
  }
  const { records, fault } = readEventRecords(read.bytes);
  for (const { offset, bytes } of records) {
    const event = readMessage(bytes);
    const wall = event?.double(1);
    const summary = event?.message(5);
    if (!event || wall === undefined || !Number.isFinite(wall) || wall < 0 || wall > 1e11 || !summary) {
      problems.push(unreadable(file, `byte ${offset}`, `what is at byte ${offset} is no event`));
      return;
    }
    const atMs = Math.round(wall * 1000);
    const values = summary.all(1);
    // Writers begin each file with an event of their own, at the time of writing.
    if (values.length === 0) continue;
    told.firstMs = Math.min(told.firstMs, atMs);
    told.lastMs = Math.max(told.lastMs, atMs);
    for (const value of values) {
      const read = readMessage(value);
      if (read) takeValue(read, { step: event.integer(2), atMs }, run, told);
      else problems.push(unreadable(file, `byte ${offset}`, `a summary at byte ${offset} is none`));
    }
  }
  if (fault?.torn && records.length > 0) {
    run.warnings.push('an event file ends within a record: its writer did not end by itself');
  } else if (fault) {
    problems.push(unreadable(file, `byte ${fault.offset}`, `${fault.because}, at byte ${fault.offset}`));
  }
}

function takeValue(value: Message, at: { step: number; atMs: number }, run: RunElsewhere, told: Told): void {
  const tag = value.text(1);
  const plugin = value.message(9)?.message(1);
  const kind = plugin?.text(1);
  if (kind === 'scalars') told.scalars.add(tag);
  if (kind === 'hparams') takeHyperParameters(plugin!, run, told);
  const figure = value.float(2) ?? (told.scalars.has(tag) ? scalarOf(value.message(8)) : undefined);
  if (figure === undefined || tag === '') return;
  if (isNameable('metric', tag, run)) run.points.push({ name: tag, ...at, value: figure });
}

/** False where no record can hold the name, which the run then says, once. */
function isNameable(kind: 'parameter' | 'metric', name: string, run: RunElsewhere): boolean {
  const why = unnameable(kind, name);
  if (why !== undefined && !run.warnings.includes(why)) run.warnings.push(why);
  return why === undefined;
}

/** The one number of a tensor without dimensions. */
function scalarOf(tensor: Message | undefined): number | undefined {
  if (!tensor) return undefined;
  const type = tensor.integer(1);
  const content = tensor.bytes(4);
  const packed = tensor.bytes({ 1: 5, 2: 6 }[type] ?? 0);
  const bytes = content !== undefined && content.length > 0 ? content : packed;
  if (type === 1 && bytes?.length === 4) return shortest(bytes.readFloatLE());
  if (type === 2 && bytes?.length === 8) return bytes.readDoubleLE();
  if (type === 3 && content?.length === 4) return content.readInt32LE();
  if (type === 9 && content?.length === 8) return Number(content.readBigInt64LE());
  if (type === 3 && tensor.has(7)) return tensor.integer(7);
  if (type === 9 && tensor.has(10)) return tensor.integer(10);
  return undefined;
}

function takeHyperParameters(plugin: Message, run: RunElsewhere, told: Told): void {
  const data = plugin.message(2);
  for (const entry of data?.message(3)?.all(1) ?? []) {
    const pair = readMessage(entry);
    const value = pair?.message(2);
    const name = pair?.text(1);
    if (!value || !name || !isNameable('parameter', name, run)) continue;
    const read = hyperParameterOf(value);
    if (read !== undefined) run.parameters[name] = read;
  }
  if (data?.has(4)) told.status = ENDS[data.message(4)?.integer(1) ?? 0] ?? told.status;
}

/** A `google.protobuf.Value` that is one: a number, a text, true or false. */
function hyperParameterOf(value: Message): JsonValue | undefined {
  const number = value.double(2);
  if (number !== undefined)
    return Number.isFinite(number) && !Object.is(number, -0) ? number : String(number);
  if (value.has(3)) return value.text(3);
  if (value.has(4)) return value.integer(4) !== 0;
  return undefined;
}
