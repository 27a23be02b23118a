import type { ProgramArtifact } from '../bundle/program-artifact.ts';
import { type TreeEntry, treeList } from '../bundle/tree.ts';
import type { ContentStore } from '../content/content-store.ts';
import type { Artifact } from '../engines/engine.ts';
import type { MetricPoint, RunElsewhere, RunTool } from '../runs/elsewhere/run-elsewhere.ts';
import type { MetricRecord, RunRecord, RunStatus } from '../runs/run-record.ts';
import { displayId } from './conclude-run.ts';
import type { Ports } from './ports.ts';

/** The one step that an imported run has. */
const STEP = 'main';
/** Positions of a series, which are no figures in it (SAME-PIP-025). */
const POSITIONS = ['step', 'epoch', 'time'];

/**
 * The record of a run that another tool kept (spec SAME-RUN-082): nothing of this machine, of this tool's version or of the
 * time is in it, so that it is the same wherever it is made. Its id is still to be given.
 */
export function elsewhereRecord(known: {
  from: RunTool;
  run: RunElsewhere;
  artifact: ProgramArtifact;
  parent: string | undefined;
  outputs: Record<string, Artifact>;
  series: string | undefined;
}): RunRecord {
  const { run, artifact, parent, outputs, series } = known;
  const from = known.from === 'mlruns' ? 'mlflow' : 'tensorboard';
  const { name, version } = artifact.program.metadata;
  const status: RunStatus = run.status === 'going' ? 'interrupted' : run.status;
  const lastMs = run.points.reduce((last, { atMs }) => Math.max(last, atMs), run.startedMs);
  const finishedMs = Math.max(run.finishedMs ?? lastMs, run.startedMs);
  const figures = figuresOf(run.points, series);
  const times = { startedAt: instant(run.startedMs), finishedAt: instant(finishedMs) };
  const usage = { durationMs: finishedMs - run.startedMs };
  const record: RunRecord = {
    apiVersion: 'same/v1',
    kind: 'Run',
    id: '',
    display: '',
    program: { name, version, digest: artifact.digest, pinned: true },
    status,
    ...(parent === undefined ? {} : { parent }),
    imported: {
      from,
      id: run.id,
      ...(run.name === undefined ? {} : { name: run.name }),
      group: run.group,
      ...(Object.keys(run.tags).length === 0 ? {} : { tags: run.tags }),
      ...(run.note === undefined ? {} : { note: run.note }),
    },
    target: 'elsewhere',
    engine: from,
    parameters: Object.fromEntries(
      Object.entries(run.parameters).map(([key, value]) => [key, { value, source: 'imported' as const }]),
    ),
    data: {},
    code: { digest: artifact.codeDigest, ...(run.revision === undefined ? {} : { revision: run.revision }) },
    environments: {},
    machine: { os: 'unknown', arch: 'unknown', cpu: 0, memoryBytes: 0, gpu: [] },
    ...times,
    usage,
    steps: [
      {
        name: STEP,
        status: status === 'succeeded' || status === 'failed' ? status : 'canceled',
        attempts: 1,
        cached: false,
        command: [],
        environment: 'default',
        inputs: {},
        outputs,
        ...times,
        usage,
      },
    ],
    outputs,
    metrics: figures.metrics,
    claims: [],
    waivers: [],
    services: {},
    warnings: [...run.warnings, ...figures.warnings],
    ...(status === 'failed' ? { error: { code: 'SAME1601', message: `${from} keeps it as failed` } } : {}),
    runtime: from,
    redactions: [],
  };
  record.display = displayId(record);
  return record;
}

/** What each series ends with: its last value by step, then by time; one that is no finite number is said. */
function figuresOf(
  points: readonly MetricPoint[],
  series: string | undefined,
): { metrics: MetricRecord[]; warnings: string[] } {
  const metrics: MetricRecord[] = [];
  const warnings: string[] = [];
  for (const [name, all] of [...Map.groupBy(points, (point) => point.name)].sort(([a], [b]) =>
    a < b ? -1 : 1,
  )) {
    const finite = all.filter(({ value }) => Number.isFinite(value));
    if (finite.length < all.length)
      warnings.push(
        `metric ${JSON.stringify(name)} is not a finite number and is left out (${all.length - finite.length} of ${all.length} values)`,
      );
    const last = finite.reduce<MetricPoint | undefined>(
      (latest, point) => (isLater(point, latest) ? point : latest),
      undefined,
    );
    if (!last) continue;
    const lost = all.filter((point) => !Number.isFinite(point.value) && isLater(point, last)).length;
    metrics.push({
      name,
      step: STEP,
      value: last.value,
      count: finite.length,
      ...(lost === 0 ? {} : { lost }),
      ...(series === undefined || POSITIONS.includes(name) ? {} : { series }),
    });
  }
  return { metrics, warnings };
}

function isLater(point: MetricPoint, than: MetricPoint | undefined): boolean {
  return (
    than === undefined || point.step > than.step || (point.step === than.step && point.atMs >= than.atMs)
  );
}

/** Stores the series of a run as steps report theirs (`metrics.jsonl`), with `time` in seconds since 1970. */
export async function storeSeries(run: RunElsewhere, content: ContentStore): Promise<string | undefined> {
  const lines = run.points
    .filter(({ name, value }) => Number.isFinite(value) && !POSITIONS.includes(name))
    .map(({ name, step, atMs, value }) => `${JSON.stringify({ step, time: atMs / 1000, [name]: value })}\n`);
  return lines.length === 0 ? undefined : (await content.write(Buffer.from(lines.join('')))).digest;
}

/** Stores what a run left as one directory. Links and the like are left out, and the run names each. */
export async function storeArtifacts(
  ports: Ports,
  run: RunElsewhere,
  content: ContentStore,
): Promise<Record<string, Artifact>> {
  const directory = run.artifacts!;
  const files: TreeEntry[] = [];
  for (const { path, kind, executable } of ports.files.entries(directory)) {
    if (kind !== 'file') {
      const why = kind === 'link' ? 'a symbolic link' : 'no ordinary file';
      run.warnings.push(`${JSON.stringify(`artifacts/${path}`)} is ${why} and is left out`);
      continue;
    }
    const { digest, sizeBytes } = await content.ingest(ports.files.streamOrdinary(`${directory}/${path}`));
    files.push({ path, executable, sizeBytes, digest });
  }
  if (files.length === 0) return {};
  const { digest } = await content.write(treeList(files));
  return {
    artifacts: { digest: `tree:${digest}`, sizeBytes: files.reduce((sum, file) => sum + file.sizeBytes, 0) },
  };
}

function instant(atMs: number): string {
  return new Date(atMs).toISOString();
}
