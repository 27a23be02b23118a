import type { Artifact } from '../../engines/engine.ts';
import { SameError } from '../../errors/same-error.ts';
import type { MetricPoint } from '../elsewhere/run-elsewhere.ts';
import type { History, HistoryRun } from '../mlflow/history.ts';
import { historyOf } from '../mlflow/history-runs.ts';
import { RECORD_PATH, type ToldRun } from './metadata-store.ts';

/** What a home has of what its runs name. */
export type ToldContent = Pick<History, 'text' | 'tree' | 'blob'>;

/** A run as a store is told of it: its record as it is, and what it names as far as that is here. */
export async function toldRun(run: HistoryRun, content: ToldContent): Promise<ToldRun> {
  const { record, tags, note } = run;
  const files = new Files(content);
  for (const [name, artifact] of Object.entries(record.outputs))
    for (const file of await filesOf(content, artifact))
      files.add([joined('outputs', name, file.path)], file);
  for (const { name: step, logged } of record.steps) {
    if (!logged?.artifacts) continue;
    for (const file of await filesOf(content, logged.artifacts))
      files.add([file.path, joined(step, file.path)], file);
  }
  return {
    record,
    tags,
    ...(note === undefined ? {} : { note }),
    artifacts: files.all,
    series: () => pointsOf(run, content),
    notes: files.notes,
  };
}

/** The files of a run, each where no other is, nor one that would have to be its directory. */
class Files {
  readonly all: ToldRun['artifacts'][number][] = [];
  readonly notes: string[] = [];
  readonly #content: ToldContent;
  readonly #files = new Set([RECORD_PATH]);
  readonly #directories = new Set(directoriesOf(RECORD_PATH));

  constructor(content: ToldContent) {
    this.#content = content;
  }

  /** @param places where it may be, the best first; where each is taken, the last below digits of its content */
  add(places: readonly string[], artifact: Artifact): void {
    const [best] = places as [string];
    const digits = artifact.digest.split(':')[1]!.slice(0, 8);
    let path = places.find((place) => this.#isFree(place)) ?? `${digits}/${places.at(-1)}`;
    while (!this.#isFree(path)) path = `_${path}`;
    this.#files.add(path);
    for (const directory of directoriesOf(path)) this.#directories.add(directory);
    this.all.push({ path, artifact, body: () => bytesOf(this.#content, artifact.digest) });
    if (path !== best)
      this.notes.push(`file ${JSON.stringify(best)} is told as ${JSON.stringify(path)}: another is there`);
  }

  #isFree(path: string): boolean {
    if (this.#files.has(path) || this.#directories.has(path)) return false;
    return directoriesOf(path).every((directory) => !this.#files.has(directory));
  }
}

function directoriesOf(path: string): string[] {
  return path.split('/').flatMap((_, at, parts) => (at === 0 ? [] : [parts.slice(0, at).join('/')]));
}

async function* pointsOf(
  { record }: HistoryRun,
  content: ToldContent,
): AsyncIterable<MetricPoint & { of: string }> {
  const at = record.finishedAt ?? record.startedAt;
  let last: { digest: string; text: string | undefined } | undefined;
  for (const metric of record.metrics) {
    if (metric.series !== undefined && last?.digest !== metric.series)
      last = { digest: metric.series, text: await content.text(metric.series) };
    const text = metric.series === undefined ? undefined : last?.text;
    for (const { step, timestamp, value } of historyOf(metric, text, at))
      yield { name: metric.name, of: metric.step, step, atMs: timestamp, value };
  }
}

/** The files of an artifact, a file's path being empty; none of what is not here. */
async function filesOf(
  content: ToldContent,
  artifact: Artifact,
): Promise<{ path: string; digest: string; sizeBytes: number }[]> {
  if (artifact.digest.startsWith('tree:')) return (await content.tree(artifact.digest)) ?? [];
  return (await content.blob(artifact.digest)) ? [{ path: '', ...artifact }] : [];
}

async function* bytesOf(content: ToldContent, digest: string): AsyncIterable<Uint8Array> {
  const bytes = await content.blob(digest);
  if (!bytes) throw new SameError({ code: 'SAME1305', message: `${digest} is gone from the home meanwhile` });
  yield* bytes;
}

function joined(...parts: string[]): string {
  return parts.filter((part) => part !== '').join('/');
}
