import { sha256, sha256OfChunks } from '../bundle/canonical-json.ts';
import { openProgram } from '../bundle/program-artifact.ts';
import { SameError } from '../errors/same-error.ts';
import { type FactGroup, factGroups } from '../runs/run-facts.ts';
import type { RunRecord } from '../runs/run-record.ts';
import { type Comparison, comparison, type Difference } from './compare-runs.ts';
import { severalRuns } from './named-runs.ts';
import type { Ports } from './ports.ts';

/** One file of two programs that is not the same in both. */
export interface FileDifference {
  path: string;
  change: 'added' | 'removed' | 'changed';
  /** Lines of a unified diff, where both are texts of a size that people read. */
  lines?: string[];
}

/** Why two runs may have come to different ends. */
export interface RunDiff extends Comparison {
  /** In the order of {@link factGroups}, what most often matters first. */
  causes: Difference[];
  /** What came of them: status, figures, outputs. */
  effects: Difference[];
  /** Of the code, file by file; undefined when both have the same, or the files of one are not here. */
  files?: FileDifference[];
  /** Of runs whose program is not here: their ids. */
  absent: string[];
}

/** Longer files are said to differ, no more. */
const LONGEST_TEXT_BYTES = 1024 * 1024;

/**
 * `same diff runs`: what two runs were made from and what came of them, where it differs, ranked (spec SAME-RUN-076).
 * @throws SAME1608 · SAME1612 · SAME1902 they are not two
 */
export async function diffRuns(ports: Ports, texts: readonly string[]): Promise<RunDiff> {
  const runs = await severalRuns(ports, texts, 'diff runs');
  const compared = comparison(runs);
  const isCause = ({ of }: Difference) => (factGroups as readonly string[]).includes(of);
  const rank = ({ of }: Difference) => factGroups.indexOf(of as FactGroup);
  const causes = compared.differences.filter(isCause).sort((a, b) => rank(a) - rank(b));
  const effects = compared.differences.filter(({ of }) => ['outcome', 'metrics', 'outputs'].includes(of));
  const [before, after] = runs.map(({ record }) => record) as [RunRecord, RunRecord];
  const { files, absent } =
    before.program.digest === after.program.digest
      ? { absent: [] }
      : await codeDifferences(ports, before, after);
  return { ...compared, causes, effects, absent, ...(files ? { files } : {}) };
}

async function codeDifferences(
  ports: Ports,
  before: RunRecord,
  after: RunRecord,
): Promise<{ files?: FileDifference[]; absent: string[] }> {
  const programs = await Promise.all([before, after].map((record) => filesOf(ports, record)));
  const absent = [before, after].filter((_, index) => !programs[index]).map(({ id }) => id);
  const [old, now] = programs;
  if (!old || !now) return { absent };
  const paths = [...new Set([...old.digests.keys(), ...now.digests.keys()])].sort();
  const changed = paths.filter((path) => old.digests.get(path) !== now.digests.get(path));
  const texts = await Promise.all([old, now].map((files) => files.read(new Set(changed))));
  const { textDiff } = await import('./text-diff.ts');
  const files = changed.map((path): FileDifference => {
    const [isOld, isNow] = [old.digests.has(path), now.digests.has(path)];
    const change = isOld && isNow ? 'changed' : isNow ? 'added' : 'removed';
    const [was, is] = texts.map((known) => known.get(path) ?? '') as [string, string];
    const isReadable = (!isOld || texts[0]!.has(path)) && (!isNow || texts[1]!.has(path));
    const lines = isReadable ? textDiff(was, is) : undefined;
    return { path, change, ...(lines === undefined ? {} : { lines }) };
  });
  return { files, absent };
}

/** The files of a run's program by path, or undefined when it is not here. */
async function filesOf(ports: Ports, { program }: RunRecord) {
  if (!(await ports.content.has(program.digest))) return undefined;
  try {
    const artifact = await openProgram(program.digest, ports.content);
    const digests = new Map([['same.yaml', sha256(artifact.manifestBytes)]]);
    for await (const { path, body } of artifact.codeStream()) digests.set(path, await sha256OfChunks(body));
    return {
      digests,
      async read(wanted: ReadonlySet<string>): Promise<Map<string, string>> {
        const texts = new Map<string, string>();
        if (wanted.has('same.yaml')) texts.set('same.yaml', artifact.manifestBytes.toString('utf8'));
        for await (const { path, sizeBytes, body } of artifact.codeStream()) {
          if (!wanted.has(path) || sizeBytes > LONGEST_TEXT_BYTES) continue;
          const chunks: Uint8Array[] = [];
          for await (const chunk of body) chunks.push(chunk);
          const bytes = Buffer.concat(chunks);
          if (!bytes.includes(0)) texts.set(path, bytes.toString('utf8'));
        }
        return texts;
      },
    };
  } catch (error) {
    if (error instanceof SameError && error.code === 'SAME1305') return undefined;
    throw error;
  }
}
