import type { Limits } from '../bundle/oci.ts';
import { REFERRERS } from '../bundle/referrer.ts';
import { inParallel } from '../content/graph-copy.ts';
import { SameError } from '../errors/same-error.ts';
import { foldName, isName } from '../program/name.ts';
import type { Reference } from '../program/reference.ts';
import { isVersion } from '../program/version.ts';
import type { Repository } from '../registry/registry.ts';
import type { RunRecord } from '../runs/run-record.ts';
import { askedRuns, chooseRuns, isQuestion, type RemoteRun } from './remote-history.ts';
import type { RemoteObjects, RemoteProgram, RemoteReferrer } from './remote-objects.ts';
import type { HistoryChoice } from './select-runs.ts';

/** What a name and a version have together at most. */
const LONGEST_NAME = 256;

/** What of a registry is fetched. */
export interface SurveyOptions {
  /** Which runs come along (default: all that are there). */
  history?: HistoryChoice | undefined;
  limits?: Partial<Limits> | undefined;
  /** Told which program it is before anything large is fetched: what it throws ends the fetching. */
  refuse?: (program: { name: string; version: string; digest: string }) => void;
}

/** What belongs to a program in a registry. */
export interface Survey {
  /** The program, then those of its ancestors whose runs come along, with those between. */
  programs: [RemoteProgram, ...RemoteProgram[]];
  /** In the order of an index. */
  referrers: RemoteReferrer[];
}

/**
 * Finds out what travels with the program that a reference leads to.
 * @throws SAME1803 nothing is there · SAME1204 it is another program or version · SAME1302 it is called what no program
 * can be · SAME1306 it is no program · SAME1608
 */
export async function surveyProgram(
  objects: RemoteObjects,
  repository: Repository,
  reference: Reference,
  { history = 'all', refuse }: SurveyOptions,
): Promise<Survey> {
  const root = await objects.root(reference);
  const { name, version } = root.program.metadata;
  const { digest } = root.self;
  refuseNoName(repository, digest, { name, version });
  refuseOtherName(repository, reference, { name, version, digest });
  refuse?.({ name, version, digest });
  const programs: Survey['programs'] = [root];
  const referrers = await objects.referrersOf(digest, { runs: history !== 'none' });
  for (let last: RemoteProgram | undefined = root; history !== 'none'; ) {
    last = await objects.ancestorOf(last);
    if (!last) break;
    programs.push(last);
    referrers.push(...(await objects.referrersOf(last.self.digest)));
  }
  const order = programs.map(({ self }) => self.digest);
  const runs = referrers.filter(({ kind }) => kind === 'run');
  const chosen = new Set(
    isQuestion(history)
      ? await askedRuns(await withRecords(objects, runs), root.program, history)
      : chooseRuns(runs.map(remoteRun), order, history),
  );
  const included = runs.filter(({ self }) => chosen.has(self.digest));
  const farthest = Math.max(0, ...included.map(({ subject }) => order.indexOf(subject.digest)));
  const inside = order.slice(0, farthest + 1);
  const kept = [
    ...included,
    ...referrers.filter(({ kind, subject }) =>
      kind === 'origin'
        ? subject.digest === digest
        : kind !== 'run' && kind !== 'data' && inside.includes(subject.digest),
    ),
  ];
  kept.push(...fullestData(referrers.filter(({ subject }) => subject.digest === digest)));
  // What is said of a run or of a verification is signed too.
  const sayings = kept.filter(({ kind }) => kind === 'run' || kind === 'verification');
  const signatures = await objects.referrersOfAll(sayings);
  kept.push(...signatures.filter(({ kind }) => kind === 'signature'));
  return { programs: [root, ...programs.slice(1, farthest + 1)], referrers: inOrder(kept) };
}

/**
 * A program has one object of data (spec SAME-BND-046, SAME-REG-018); pushed with more data than before, a registry has
 * the one of before too, and all that it holds is in the other.
 */
function fullestData(referrers: readonly RemoteReferrer[]): RemoteReferrer[] {
  return referrers
    .filter(({ kind }) => kind === 'data')
    .sort(
      (a, b) =>
        b.manifest.layers.length - a.manifest.layers.length || (a.self.digest < b.self.digest ? -1 : 1),
    )
    .slice(0, 1);
}

/**
 * A config is held to its same.yaml only where layers are read: what it calls its program becomes a tag before that.
 * @throws SAME1302 it is called what no program can be
 */
function refuseNoName(
  { label }: Repository,
  digest: string,
  { name, version }: { name: string; version: string },
): void {
  if (isName(name) && isVersion(version)) return;
  const called = JSON.stringify(`${name}:${version}`.slice(0, LONGEST_NAME));
  const message = `${label}@${digest} calls itself ${called}, which is no name and version of a program`;
  throw new SameError({ code: 'SAME1302', message, place: label, clause: 'SAME-BND-014' });
}

/** @throws SAME1204 the program is not the one that was asked for (spec SAME-REG-015) */
function refuseOtherName(
  repository: Repository,
  { name, version }: Reference,
  got: { name: string; version: string; digest: string },
): void {
  // The last segments of a repository are the name; how its authors spell it, only the program says.
  const isName = `/${repository.address.repository}`.endsWith(`/${foldName(got.name)}`);
  if (isName && (version === undefined || version === got.version)) return;
  throw new SameError({
    code: 'SAME1204',
    message: `${repository.label}${version === undefined ? '' : `:${version}`} leads to ${got.name}:${got.version} (${got.digest}), not to ${isName ? `${got.name}:${version}` : name}`,
    place: repository.label,
    hint: `see what is there: same list tags ${repository.label}`,
    clause: 'SAME-REG-015',
  });
}

async function withRecords(objects: RemoteObjects, runs: readonly RemoteReferrer[]) {
  const read: (RemoteRun & { record: RunRecord })[] = [];
  await inParallel(runs, async (run) => {
    read.push({ ...remoteRun(run), record: await objects.runRecord(run) });
  });
  return read.sort((a, b) => (a.id < b.id ? 1 : -1));
}

function remoteRun({ self, manifest, subject }: RemoteReferrer): RemoteRun {
  const { 'dev.same.run.id': id = '', 'dev.same.run.status': status = '' } = manifest.annotations ?? {};
  return { digest: self.digest, program: subject.digest, id, status };
}

function inOrder(referrers: readonly RemoteReferrer[]): RemoteReferrer[] {
  const rank = ({ kind }: RemoteReferrer) => REFERRERS.findIndex((type) => type.kind === kind);
  return [...new Map(referrers.map((one) => [one.self.digest, one])).values()].sort(
    (a, b) => rank(a) - rank(b) || (a.self.digest < b.self.digest ? -1 : 1),
  );
}
