import { openProgram } from '../bundle/program-artifact.ts';
import { SameError } from '../errors/same-error.ts';
import { LARGEST_REPORT_BYTES, type MetricsReading, metricSeriesIn } from '../pipeline/metrics.ts';
import type { Step } from '../program/schema.ts';
import type { MetricRecord, StepRecord } from '../runs/run-record.ts';
import type { ToldRun } from './find-runs.ts';
import { stopIfCanceled } from './pin-program.ts';
import type { KnownSeries } from './plot-runs.ts';
import type { Ports } from './ports.ts';
import { attemptsOf } from './run-context.ts';

/**
 * The series that steps of a run write which go on: what is in their directories at this moment, whoever runs them (spec
 * SAME-RUN-097).
 */
export async function seriesSoFar(ports: Ports, run: ToldRun): Promise<KnownSeries[]> {
  const work = `${ports.home}/work`;
  const places = ports.files
    .names(work)
    .map((name) => attemptsOf(`${work}/${name}`, run.record.id))
    .filter((place) => ports.files.kind(place) === 'directory');
  const [place] = places;
  if (place === undefined) return [];
  const { pipeline } = (await openProgram(run.record.program.digest, ports.content)).program;
  const declared = { ...pipeline.steps, ...pipeline.finally };
  const going = run.record.steps.filter(({ status, startedAt }) => status === 'pending' && startedAt);
  const attempts = ports.files.names(place);
  const found: KnownSeries[] = [];
  for (const step of going) {
    const begun = new RegExp(`^${step.name.replaceAll('.', '\\.')}-${step.attempts}-[^-]+$`);
    const berth = attempts.find((name) => begun.test(name));
    const reports =
      berth === undefined ? [] : writtenPlaces(`${place}/${berth}/attempt`, declared[step.of ?? step.name]);
    const known = new Set<string>();
    for (const path of [...reports, `${place}-logged/${step.name}.${step.attempts}.0`]) {
      const text = await textOf(ports, path);
      for (const { name, value, count, lost } of (await figuresIn(ports, text, step.name)).metrics) {
        // A file that the step writes says more than what it logs on the way.
        if (known.has(name) || count === undefined) continue;
        known.add(name);
        found.push({
          run,
          figure: figureOf(step, { name, value, count, ...(lost === undefined ? {} : { lost }) }),
          text,
        });
      }
    }
  }
  return found;
}

/** Where a step writes lines: its outputs of kind metrics, and metrics.jsonl. */
function writtenPlaces(root: string, step: Step | undefined): string[] {
  const workdir = `${root}/work/${step?.workdir ?? '.'}`;
  const outputs = Object.entries(step?.outputs ?? {}).flatMap(([name, { kind, path }]) =>
    kind === 'metrics' && (path ?? name).endsWith('.jsonl')
      ? [path === undefined ? `${root}/out/${name}` : `${workdir}/${path}`]
      : [],
  );
  return [...outputs, `${workdir}/metrics.jsonl`];
}

/** @throws SAME1903 interrupted, which is heard between two stretches only */
async function figuresIn(ports: Ports, text: string, place: string): Promise<MetricsReading> {
  const reading = metricSeriesIn(text, place);
  for (;;) {
    const { done, value } = reading.next();
    if (done) return value;
    await ports.sleep(0);
    stopIfCanceled(ports);
  }
}

/** Only of an ordinary file: what is there was made by the step. Nothing where there is none, or too much. */
async function textOf(ports: Ports, path: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  try {
    for await (const chunk of ports.files.streamOrdinary(path)) {
      sizeBytes += chunk.length;
      stopIfCanceled(ports);
      if (sizeBytes > LARGEST_REPORT_BYTES) return '';
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof SameError && error.code === 'SAME1617') return '';
    throw error;
  }
  return Buffer.concat(chunks).toString('utf8');
}

function figureOf(
  { name: step, matrix }: StepRecord,
  figure: Pick<MetricRecord, 'name' | 'value' | 'count' | 'lost'>,
): MetricRecord {
  return { ...figure, step, ...(matrix === undefined ? {} : { matrix }) };
}
