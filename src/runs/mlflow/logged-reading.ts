import { treeList } from '../../bundle/tree.ts';
import type { Artifact, ReportedMetric } from '../../engines/engine.ts';
import type { IntakeRequest, Logged, LoggedReading, LoggedRun, LoggedStep } from '../../engines/intake.ts';
import { endOf } from '../../pipeline/metrics.ts';
import type { AttemptLog } from './attempt-log.ts';
import { isSameText } from './fields.ts';
import { wordOf } from './history.ts';
import type { StoredContent } from './intake-server.ts';
import { instant } from './search-tracked.ts';
import { SeriesSpool } from './series-spool.ts';
import type { TrackedModel, TrackedRun } from './tracked-run.ts';

/** Stores what an attempt logged, and makes of it what its record says. */
export async function storeLog(
  log: AttemptLog,
  request: IntakeRequest,
  content: StoredContent,
  hasSucceeded: boolean,
): Promise<LoggedReading> {
  const warnings: string[] = [];
  const warn = (text: string) => warnings.push(`step ${request.step}: ${text}`);
  tellDrift(log.root, request, warn);
  const metrics = await figuresOf(log.root, content, warn);
  const runs: LoggedRun[] = [];
  for (const run of log.runs) {
    if (run === log.root || run.isDeleted) continue;
    runs.push({
      id: run.id,
      ...(run.name === '' ? {} : { name: run.name }),
      ...(run.parent === undefined || run.parent === log.root.id ? {} : { parent: run.parent }),
      status: run.status,
      startedAt: instant(run.startedMs),
      ...(run.endedMs === undefined ? {} : { finishedAt: instant(run.endedMs) }),
      metrics: await figuresOf(run, content, warn),
      ...(await loggedOf(run, content)),
    });
  }
  if (hasSucceeded && (log.root.status === 'failed' || log.root.status === 'killed'))
    warn(`it logged that it was ${log.root.status}, and ended as one that succeeded`);
  const logged: LoggedStep = {
    ...(await loggedOf(log.root, content)),
    ...(runs.length === 0 ? {} : { runs }),
  };
  return { ...(Object.keys(logged).length === 0 ? {} : { logged }), metrics, warnings };
}

/** A parameter that the manifest declares too and that was logged as something else was not used as it is said to be. */
function tellDrift(root: TrackedRun, { parameters }: IntakeRequest, warn: (text: string) => void): void {
  const declared = new Map<string, string>();
  for (const [name, logged] of root.parameters) {
    if (!Object.hasOwn(parameters, name)) continue;
    const text = wordOf(parameters[name]!);
    declared.set(name, text);
    if (isSameText(text, logged)) continue;
    root.addDrift(name, text);
    warn(`it logged ${logged} as parameter ${name}, which is ${text}`);
  }
  for (const [name, others] of root.drift) {
    const later = others.filter((other) => other !== declared.get(name));
    if (later.length > 0)
      warn(`it logged parameter ${name} as ${root.parameters.get(name)}, and then as ${later.join(', ')}`);
  }
}

async function figuresOf(
  run: TrackedRun,
  content: StoredContent,
  warn: (text: string) => void,
): Promise<ReportedMetric[]> {
  const path = run.series.flush();
  const series = path === undefined ? undefined : (await content.adopt(path)).digest;
  return [...run.series.endings].flatMap(([name, ending]): ReportedMetric[] => {
    const { figure, warning } = endOf(name, ending);
    if (warning !== undefined) warn(warning);
    if (!figure) return [];
    const { count, ...alone } = figure;
    return [series !== undefined && SeriesSpool.holds(name) ? { ...figure, series } : alone];
  });
}

async function loggedOf(run: TrackedRun, content: StoredContent): Promise<Logged> {
  const models = run.models.map((model) => modelOf(run, model));
  const inputs = run.inputs.map(({ sent, ...input }) => input);
  return {
    ...(run.parameters.size === 0 ? {} : { parameters: Object.fromEntries(run.parameters) }),
    ...(run.drift.size === 0 ? {} : { drift: Object.fromEntries(run.drift) }),
    ...(run.tags.size === 0 ? {} : { tags: Object.fromEntries(run.tags) }),
    ...(run.artifacts.size === 0 ? {} : { artifacts: await treeOf(run, content) }),
    ...(models.length === 0 ? {} : { models }),
    ...(inputs.length === 0 ? {} : { inputs }),
  };
}

async function treeOf(run: TrackedRun, content: StoredContent): Promise<Artifact> {
  const files = [...run.artifacts].map(([path, { digest, sizeBytes }]) => ({
    path,
    executable: false,
    sizeBytes,
    digest,
  }));
  const { digest } = await content.write(treeList(files));
  return { digest: `tree:${digest}`, sizeBytes: files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) };
}

function modelOf(run: TrackedRun, { name, type, parameters, tags }: TrackedModel) {
  const path = `models/${name}`;
  return {
    name,
    ...([...run.artifacts.keys()].some((file) => file.startsWith(`${path}/`)) ? { path } : {}),
    ...(type === undefined ? {} : { type }),
    ...(parameters.size === 0 ? {} : { parameters: Object.fromEntries(parameters) }),
    ...(tags.size === 0 ? {} : { tags: Object.fromEntries(tags) }),
  };
}
