import type { Finding } from '../errors/same-error.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../program/json.ts';
import {
  type MetricPoint,
  notFollowed,
  parameterOf,
  type RunElsewhere,
  type RunsElsewhere,
  type ToolFiles,
  unnameable,
  unreadable,
} from './elsewhere.ts';

/** Reads the small YAML documents of MLflow. */
type ReadYaml = (bytes: Buffer, file: string) => Promise<{ value?: JsonValue; findings: Finding[] }>;

/** A file of MLflow is read as one text, which has to fit into the memory. */
const LIMIT_BYTES = 256 * 2 ** 20;

/** As MLflow's file store numbers them, and as its other stores spell them. */
const STATUSES: Record<string, RunElsewhere['status']> = {
  '1': 'going',
  '2': 'going',
  '3': 'succeeded',
  '4': 'failed',
  '5': 'canceled',
  RUNNING: 'going',
  SCHEDULED: 'going',
  FINISHED: 'succeeded',
  FAILED: 'failed',
  KILLED: 'canceled',
};

/**
 * Reads MLflow's file store: `EXPERIMENT/RUN/{meta.yaml, params/, metrics/, tags/, artifacts/}`.
 * @param directory the store, or one that holds it as `mlruns`; may be a link, and nothing else in it is followed
 */
export async function readMlruns(
  files: ToolFiles,
  directory: string,
  readYaml: ReadYaml,
): Promise<RunsElsewhere> {
  const found: RunsElsewhere = { runs: [], deleted: [], warnings: [], problems: [] };
  let root = directory;
  let experiments = directoriesIn(files, root, /^[0-9]+$/, found.warnings);
  const below = join(directory, 'mlruns');
  if (experiments.length === 0 && files.kind(below) === 'directory') {
    root = below;
    experiments = directoriesIn(files, root, /^[0-9]+$/, found.warnings);
  }
  if (experiments.length === 0) {
    const what =
      files.kind(join(directory, 'mlflow.db')) === 'file'
        ? 'mlflow.db is MLflow’s database; what is read is'
        : files.kind(below) === 'link'
          ? 'its mlruns is a symbolic link, which is not followed; there is'
          : 'there is';
    found.problems.push({
      ...unreadable(directory, '', `${what} no store of files with experiments (EXPERIMENT/meta.yaml)`),
      hint: 'name the directory that MLflow calls mlruns',
    });
  }
  for (const experiment of experiments) {
    const at = join(root, experiment);
    const meta = await metaOf(files, at, readYaml, found.problems);
    if (!meta) continue;
    const group = text(meta.name) || experiment;
    const isGone = meta.lifecycle_stage === 'deleted';
    for (const name of directoriesIn(files, at, /^[0-9a-f]{32}$/, found.warnings)) {
      const run = await readRun(files, join(at, name), name, group, readYaml, found.problems);
      if (!run) continue;
      if (isGone || run.isDeleted) found.deleted.push(name);
      else found.runs.push(run.run);
    }
  }
  return found;
}

/** Directories that are called as experiments or runs are; `.trash` and the model registry are none. */
function directoriesIn(files: ToolFiles, root: string, called: RegExp, warnings: string[]): string[] {
  return files.names(root).filter((name) => {
    const kind = called.test(name) ? files.kind(join(root, name)) : undefined;
    if (kind === 'link') warnings.push(notFollowed(join(root, name), kind));
    return kind === 'directory';
  });
}

async function metaOf(
  files: ToolFiles,
  directory: string,
  readYaml: ReadYaml,
  problems: Finding[],
): Promise<JsonObject | undefined> {
  const file = join(directory, 'meta.yaml');
  const read = files.read(file, LIMIT_BYTES);
  if ('because' in read) {
    problems.push(unreadable(file, '', read.because));
    return undefined;
  }
  const { value, findings } = await readYaml(read.bytes, file);
  for (const { message, place } of findings)
    problems.push({ ...unreadable(file, '', message), ...(place === undefined ? {} : { place }) });
  if (findings.length > 0) return undefined;
  if (isJsonObject(value)) return value;
  problems.push(unreadable(file, '', 'it holds no names and values'));
  return undefined;
}

async function readRun(
  files: ToolFiles,
  directory: string,
  id: string,
  group: string,
  readYaml: ReadYaml,
  problems: Finding[],
): Promise<{ run: RunElsewhere; isDeleted: boolean } | undefined> {
  const meta = await metaOf(files, directory, readYaml, problems);
  if (!meta) return undefined;
  const before = problems.length;
  const status = STATUSES[String(meta.status)];
  const { start_time: startedMs, end_time: finishedMs } = meta;
  const wrong = (message: string) => problems.push(unreadable(join(directory, 'meta.yaml'), '', message));
  if (!status) wrong(`status ${JSON.stringify(meta.status ?? null)} is none of MLflow’s`);
  if (!isTime(startedMs)) wrong('start_time is no time in milliseconds');
  if (finishedMs !== undefined && finishedMs !== null && !isTime(finishedMs))
    wrong('end_time is no time in milliseconds');
  const parameters: RunElsewhere['parameters'] = {};
  const warnings: string[] = [];
  const texts = (kind: 'parameter' | 'metric' | 'tag', at: string) =>
    textsOf(files, join(directory, at), problems).filter(({ name }) => {
      const why = unnameable(kind, name);
      if (why !== undefined) warnings.push(why);
      return why === undefined;
    });
  for (const { name, value } of texts('parameter', 'params')) parameters[name] = parameterOf(value);
  const points = texts('metric', 'metrics').flatMap(({ name, file, value }) =>
    pointsOf(name, file, value, problems),
  );
  const all = Object.fromEntries(texts('tag', 'tags').map((tag) => [tag.name, tag.value]));
  if (problems.length > before) return undefined;
  const artifacts = join(directory, 'artifacts');
  const left = files.kind(artifacts);
  if (left !== undefined && left !== 'directory') warnings.push(notFollowed('artifacts', left));
  const run: RunElsewhere = {
    id,
    group,
    status: status!,
    startedMs: startedMs as number,
    ...(isTime(finishedMs) ? { finishedMs } : {}),
    parameters,
    points,
    ...saidBy(all, text(meta.run_name)),
    ...(left === 'directory' ? { artifacts } : {}),
    warnings,
  };
  return { run, isDeleted: meta.lifecycle_stage === 'deleted' };
}

/** What MLflow's own tags say, and the user's; who ran it, and where it lay, is nobody's business (SAME-RUN-010). */
function saidBy(
  all: Record<string, string>,
  runName: string,
): Pick<RunElsewhere, 'name' | 'parent' | 'note' | 'revision' | 'tags'> {
  const name = all['mlflow.runName'] || runName;
  const parent = all['mlflow.parentRunId'];
  const note = all['mlflow.note.content'];
  const revision = all['mlflow.source.git.commit'];
  return {
    ...(name ? { name } : {}),
    ...(parent ? { parent } : {}),
    ...(note ? { note } : {}),
    ...(revision && /^[0-9a-f]{40}$/.test(revision) ? { revision } : {}),
    tags: Object.fromEntries(Object.entries(all).filter(([tag]) => !tag.startsWith('mlflow.'))),
  };
}

/** The files below a directory, each named by its path, as MLflow keeps what has slashes in its name. */
function textsOf(
  files: ToolFiles,
  directory: string,
  problems: Finding[],
): { name: string; file: string; value: string }[] {
  const kind = files.kind(directory);
  if (kind === undefined) return [];
  if (kind !== 'directory') {
    const what = kind === 'link' ? 'it is a symbolic link, and links are not followed' : 'it is no directory';
    problems.push(unreadable(directory, '', what));
    return [];
  }
  return [...files.entries(directory)].flatMap(({ path: name }) => {
    const file = join(directory, name);
    const read = files.read(file, LIMIT_BYTES);
    if ('because' in read) problems.push(unreadable(file, '', read.because));
    else if (!isUtf8(read.bytes)) problems.push(unreadable(file, '', 'it is not UTF-8'));
    else return [{ name, file, value: read.bytes.toString('utf8') }];
    return [];
  });
}

/** Lines of `MILLISECONDS VALUE [STEP …]`. */
function pointsOf(name: string, file: string, content: string, problems: Finding[]): MetricPoint[] {
  return content.split('\n').flatMap((line, index) => {
    if (line.trim() === '') return [];
    const [at, value, step = '0'] = line.trim().split(/\s+/);
    const atMs = Number(at);
    const point = { name, atMs, value: figureOf(value ?? ''), step: Number(step) };
    const isWrong = !isTime(atMs) || point.value === undefined || !Number.isSafeInteger(point.step);
    if (isWrong)
      problems.push(unreadable(file, String(index + 1), 'the line is not MILLISECONDS VALUE STEP'));
    return isWrong ? [] : [point as MetricPoint];
  });
}

/** A number as Python writes it. */
function figureOf(word: string): number | undefined {
  const special = { nan: Number.NaN, inf: Infinity, '-inf': -Infinity }[word.toLowerCase()];
  if (special !== undefined) return special;
  return /^[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?$/.test(word) ? Number(word) : undefined;
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value < 2 ** 47;
}

function isUtf8(bytes: Buffer): boolean {
  return Buffer.from(bytes.toString('utf8')).equals(bytes);
}

function join(directory: string, name: string): string {
  return `${directory.replace(/\/+$/, '')}/${name}`;
}

function text(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : '';
}
