import type { Finding } from '../../errors/same-error.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../program/json.ts';
import { isTime, STATUSES, saidBy } from './mlflow-words.ts';
import {
  type MetricPoint,
  notFollowed,
  parameterOf,
  type RunElsewhere,
  type RunsElsewhere,
  type ToolFiles,
  unnameable,
  unreadable,
} from './run-elsewhere.ts';

/** Reads the small YAML documents of MLflow. */
export type ReadYaml = (bytes: Buffer, file: string) => Promise<{ value?: JsonValue; findings: Finding[] }>;

/** A file of MLflow is read as one text, which has to fit into the memory. */
const LIMIT_BYTES = 256 * 2 ** 20;

/** The directory with the experiments of MLflow's store of files, if one holds any: itself, or what it calls `mlruns`. */
export function experimentsIn(
  files: ToolFiles,
  directory: string,
  warnings: string[] = [],
): { root: string; experiments: string[] } {
  const experiments = directoriesIn(files, directory, /^[0-9]+$/, warnings);
  const below = join(directory, 'mlruns');
  if (experiments.length > 0 || files.kind(below) !== 'directory') return { root: directory, experiments };
  return { root: below, experiments: directoriesIn(files, below, /^[0-9]+$/, warnings) };
}

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
  const { root, experiments } = experimentsIn(files, directory, found.warnings);
  if (experiments.length === 0) {
    const links = ['mlruns', 'mlflow.db'].filter((name) => files.kind(join(directory, name)) === 'link');
    const why = links.map((name) => `its ${name} is a symbolic link, which is not followed; `).join('');
    found.problems.push({
      ...unreadable(
        directory,
        '',
        `${why}there is no store of files with experiments (EXPERIMENT/meta.yaml)`,
      ),
      hint: 'name the directory that MLflow calls mlruns, or its database, mlflow.db',
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

function isUtf8(bytes: Buffer): boolean {
  return Buffer.from(bytes.toString('utf8')).equals(bytes);
}

function join(directory: string, name: string): string {
  return `${directory.replace(/\/+$/, '')}/${name}`;
}

function text(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : '';
}
