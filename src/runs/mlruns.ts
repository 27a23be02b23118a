import type { Finding } from '../errors/same-error.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../program/json.ts';
import {
  type MetricPoint,
  parameterOf,
  type RunElsewhere,
  type RunsElsewhere,
  type ToolFiles,
  unreadable,
} from './elsewhere.ts';

/** Reads the small YAML documents of MLflow. */
type ReadYaml = (bytes: Buffer, file: string) => Promise<{ value?: JsonValue; findings: Finding[] }>;

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
 * @param directory the store, or one that holds it as `mlruns`
 */
export async function readMlruns(
  files: ToolFiles,
  directory: string,
  readYaml: ReadYaml,
): Promise<RunsElsewhere> {
  const root = experimentsIn(files, directory).length === 0 ? join(directory, 'mlruns') : directory;
  const found: RunsElsewhere = { runs: [], deleted: [], problems: [] };
  const experiments = experimentsIn(files, root);
  if (experiments.length === 0) {
    const what =
      files.kind(join(directory, 'mlflow.db')) === 'file'
        ? 'mlflow.db is MLflow’s database; what is read is'
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
    for (const name of files.names(at)) {
      const path = join(at, name);
      if (!/^[0-9a-f]{32}$/.test(name) || files.kind(path) !== 'directory') continue;
      const run = await readRun(files, path, name, group, readYaml, found.problems);
      if (!run) continue;
      if (isGone || run.isDeleted) found.deleted.push(name);
      else found.runs.push(run.run);
    }
  }
  return found;
}

/** Directories that say they are experiments; `.trash` and the model registry are none. */
function experimentsIn(files: ToolFiles, root: string): string[] {
  if (files.kind(root) !== 'directory') return [];
  return files
    .names(root)
    .filter((name) => /^[0-9]+$/.test(name) && files.kind(join(root, name)) === 'directory');
}

async function metaOf(
  files: ToolFiles,
  directory: string,
  readYaml: ReadYaml,
  problems: Finding[],
): Promise<JsonObject | undefined> {
  const file = join(directory, 'meta.yaml');
  const bytes = files.read(file);
  if (!bytes) {
    problems.push(unreadable(file, '', 'it is not there'));
    return undefined;
  }
  const { value, findings } = await readYaml(bytes, file);
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
  for (const { name, value } of textsOf(files, join(directory, 'params'), problems))
    parameters[name] = parameterOf(value);
  const points = textsOf(files, join(directory, 'metrics'), problems).flatMap(({ name, file, value }) =>
    pointsOf(name, file, value, problems),
  );
  const all = Object.fromEntries(
    textsOf(files, join(directory, 'tags'), problems).map((tag) => [tag.name, tag.value]),
  );
  if (problems.length > before) return undefined;
  const artifacts = join(directory, 'artifacts');
  const run: RunElsewhere = {
    id,
    group,
    status: status!,
    startedMs: startedMs as number,
    ...(isTime(finishedMs) ? { finishedMs } : {}),
    parameters,
    points,
    ...saidBy(all, text(meta.run_name)),
    ...(files.kind(artifacts) === 'directory' ? { artifacts } : {}),
    warnings: [],
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
  if (files.kind(directory) !== 'directory') return [];
  return [...files.entries(directory)].flatMap(({ path: name, kind }) => {
    const file = join(directory, name);
    const bytes = kind === 'file' ? files.read(file) : undefined;
    if (!bytes) problems.push(unreadable(file, '', 'it is no regular file'));
    else if (!isUtf8(bytes)) problems.push(unreadable(file, '', 'it is not UTF-8'));
    else return [{ name, file, value: bytes.toString('utf8') }];
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
