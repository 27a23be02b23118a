import fc from 'fast-check';
import { type Descriptor, MEDIA } from '../../src/bundle/oci.ts';
import { storeDocument, storeEmptyConfig, storeManifest, subjectOf } from '../../src/bundle/oci-manifest.ts';
import { originArtifact } from '../../src/bundle/origin-artifact.ts';
import type { ProgramArtifact } from '../../src/bundle/program-artifact.ts';
import { runArtifact } from '../../src/bundle/run-artifact.ts';
import type { ContentStore } from '../../src/content/content-store.ts';
import { openMemoryContentStore } from '../../src/content/memory-content-store.ts';
import { commitProgram } from '../../src/operations/commit-program.ts';
import { pinProgram } from '../../src/operations/pin-program.ts';
import type { Ports } from '../../src/operations/ports.ts';
import type { HistoryChoice } from '../../src/operations/select-runs.ts';
import type { JsonValue } from '../../src/program/json.ts';
import type { RunRecord } from '../../src/runs/run-record.ts';
import type { Origin } from '../../src/sources/source.ts';
import { jsonValue, treeOf, wellFormedText } from './arbitraries.ts';
import { pack, recordOf, runId } from './bundles.ts';

/** The name of the programs. */
export const NAME = 'Lab/study';
/** In the order in which one is committed from another: not that of their numbers. */
const VERSIONS = ['1.0', '1.2', '1.1', '2.0'];

/** A run of one of the programs, and how its record comes to be in the home. */
interface Run {
  /** Which of the programs, counted from the first version, in as many as there are. */
  of: number;
  status: 'succeeded' | 'failed' | 'canceled';
  /** Whether it ran here. */
  own: boolean;
  warnings: string[];
  value: number;
}

const run: fc.Arbitrary<Run> = fc.record({
  of: fc.nat(3),
  status: fc.constantFrom('succeeded', 'succeeded', 'succeeded', 'failed', 'canceled'),
  own: fc.boolean(),
  warnings: fc.array(wellFormedText, { maxLength: 2 }),
  value: fc.double({ noNaN: true, noDefaultInfinity: true }),
});

/** What somebody said of a program, of a run, or of what was said before. */
interface Saying {
  kind: 'verification' | 'signature';
  /** Of which thing, in millionths of the number of those that there are. */
  of: number;
  content: JsonValue;
}

const saying: fc.Arbitrary<Saying> = fc.record({
  kind: fc.constantFrom('verification', 'signature'),
  of: fc.nat(999_999),
  content: fc.dictionary(fc.constantFrom('a', 'b', 'é'), jsonValue, { noNullPrototype: true }),
});

const origin: fc.Arbitrary<Origin | undefined> = fc.option(
  fc.oneof(
    fc.constant<Origin>({ kind: 'directory' }),
    fc.record({
      kind: fc.constant('git' as const),
      repository: fc.constant('https://example.org/r'),
      revision: fc.constant('a'.repeat(40)),
      ref: fc.constantFrom('1.0', 'zweig/ß'),
    }),
  ),
  { nil: undefined },
);

/** A home with programs committed one from another, runs of them, and what was said of all. */
export const state = fc.record({
  files: treeOf({ maxFiles: 4 }),
  origin,
  commits: fc.constantFrom(0, 1, 2, 3, 3),
  runs: fc.array(run, { minLength: 2, maxLength: 6 }),
  sayings: fc.array(saying, { minLength: 1, maxLength: 6 }),
  variables: fc.constantFrom<Record<string, string>>({}, {}, { SOURCE_DATE_EPOCH: '1700000000' }),
});

/** One such home. */
export type State = typeof state extends fc.Arbitrary<infer T> ? T : never;

async function store(
  { kind, content }: Saying,
  subject: Descriptor,
  into: ContentStore,
): Promise<Descriptor> {
  const recordType = kind === 'signature' ? MEDIA.signature : MEDIA.verificationRecord;
  return storeManifest(
    {
      schemaVersion: 2,
      mediaType: MEDIA.ociManifest,
      artifactType: MEDIA[kind],
      config: await storeEmptyConfig(into),
      layers: [await storeDocument(content, recordType, into)],
      subject: subjectOf(subject),
    },
    into,
  );
}

/** What a home was filled with. */
export interface Filled {
  /** First version first. */
  programs: ProgramArtifact[];
  /** Each with the digest of the object that an export makes of it. */
  runs: { record: RunRecord; object: string }[];
  /** Verifications and signatures, each after what it is of. */
  said: { subject: string; digest: string }[];
}

/** Fills a home. */
export async function fill(ports: Ports, { files, origin, commits, runs, sayings }: State): Promise<Filled> {
  const first = await pack({ files, version: VERSIONS[0]! }, ports.content);
  const linked = origin && (await originArtifact(origin, first, ports.content));
  pinProgram(ports, first, { pin: 'soft', replace: 'none' }, { origin: linked?.digest });
  if (linked) ports.referrers.add(first.digest, linked.digest);
  const programs = [first];
  for (const as of VERSIONS.slice(1, 1 + commits)) {
    const reference = `${NAME}:${programs.at(-1)!.program.metadata.version}`;
    programs.push((await commitProgram(ports, { reference, as })).artifact);
  }
  const filled: Filled = { programs, runs: [], said: [] };
  // What may be verified and signed; a run's object is made by an export and is in no home before that.
  const verifiable: Descriptor[] = [...programs];
  const signable: Descriptor[] = [...programs];
  for (const [index, { of, status, own, warnings, value }] of runs.entries()) {
    const program = programs[of % programs.length]!;
    const record = recordOf(program, runId(index), {
      status,
      warnings,
      metrics: [{ name: 'm', step: 'one', value }],
    });
    if (own) ports.runs.begin({ ...record, status: 'running' }).finish(record);
    const artifact = await runArtifact(record, program, own ? openMemoryContentStore() : ports.content);
    if (!own) ports.referrers.add(program.digest, artifact.digest);
    filled.runs.push({ record, object: artifact.digest });
    signable.push(artifact);
  }
  for (const said of sayings) {
    const subjects = said.kind === 'signature' ? signable : verifiable;
    const subject = subjects[Math.floor((said.of / 1e6) * subjects.length)]!;
    const artifact = await store(said, subject, ports.content);
    ports.referrers.add(subject.digest, artifact.digest);
    filled.said.push({ subject: subject.digest, digest: artifact.digest });
    if (said.kind === 'verification') signable.push(artifact);
  }
  return filled;
}

/** Which runs travel: a word, nothing said, or some of the runs by their places. */
export const choice = fc.oneof(
  { weight: 1, arbitrary: fc.constantFrom('none' as const, undefined) },
  { weight: 2, arbitrary: fc.constantFrom('latest' as const, 'all' as const) },
  // Which of the runs, by their places.
  { weight: 3, arbitrary: fc.uniqueArray(fc.nat(5), { minLength: 1, maxLength: 5 }) },
);

/** The same as users say it. */
export function chosenOf(
  choice: 'none' | 'latest' | 'all' | number[] | undefined,
  { runs }: Filled,
): HistoryChoice | undefined {
  if (!Array.isArray(choice)) return choice;
  const chosen = choice.filter((index) => index < runs.length).map((index) => runs[index]!.record.id);
  return chosen.length === 0 ? 'none' : chosen;
}
