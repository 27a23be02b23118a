import { mentionedHex } from '../bundle/mentions.ts';
import type { BlobCollector, StoredBlob } from '../content/content-store.ts';
import type { BuiltEnvironment } from '../environments/built-environments.ts';
import { type Finding, SameError } from '../errors/same-error.ts';
import type { Sealed } from '../runs/run-sealer.ts';
import { contentOf } from '../runs/step-outcome.ts';
import { nameBlobs } from './named-blobs.ts';
import { stopIfCanceled } from './pin-program.ts';
import type { HomeUse, Ports } from './ports.ts';

/** A command may count on what it looked at this long before it made its work directory. */
const SLACK_MS = 60 * 60_000;

/** What `same gc` removes, or would. */
export interface Collected {
  blobs: { count: number; sizeBytes: number };
  environments: BuiltEnvironment[];
  /** Stored results of steps whose content is gone. */
  results: number;
  /** What commands left that are over. */
  leftovers: { count: number; sizeBytes: number };
  /** Runs that were packed, and files that these are now. */
  sealed: Sealed;
  /** All of it. */
  sizeBytes: number;
  /** What stays of the content. */
  kept: { count: number; sizeBytes: number };
}

/** What a collection leaves alone although nobody names it. */
export interface CollectOptions {
  /** Only looks. */
  dryRun: boolean;
  /** Content that was stored or used within so long. */
  olderThanMs: number;
  /** Environments that were used within so long. */
  unusedForMs: number;
}

/**
 * `same gc`: removes content that nothing names, environments that were not used for long, results of steps whose content
 * is gone, and what commands left that are over (spec SAME-RUN-050 to 052), and packs runs (SAME-RUN-092). Others may use the home meanwhile: what they
 * store or count on is young, and what was used since the oldest of them began stays. Interrupted, it has removed less.
 * What hinders packing hinders nothing else: it is warned of.
 * @throws SAME1405 another collection is at work · SAME1903 interrupted
 */
export async function collectGarbage(ports: Ports, options: CollectOptions): Promise<Collected> {
  const collection = await ports.openCollection();
  const { blobs: collector, environments: built, homeUse } = collection;
  const release = options.dryRun ? undefined : homeUse.lock();
  try {
    if (!options.dryRun) collector.restore();
    const startedMs = Date.parse(ports.now());
    const seal = () =>
      collection.sealRuns({
        isDue: ({ finishedAt }) => Date.parse(finishedAt ?? '') < startedMs - options.olderThanMs,
        isStored: (digest, bytes) => ports.files.read(ports.content.pathOf(digest))?.equals(bytes) === true,
        isOver: () => ports.cancel.aborted,
      });
    // First, so that what only deleted runs in packs name goes too.
    let sealed = options.dryRun ? { runs: 0, packs: 0 } : unlessHindered(seal);
    const busyMs = homeUse.busySinceMs() ?? Number.POSITIVE_INFINITY;
    const notSinceMs = Math.min(startedMs - options.olderThanMs, busyMs - SLACK_MS);
    const blobs = collector.list();
    const unnamed = await unnamedBlobs(ports, collector, blobs, notSinceMs);
    const gone = options.dryRun
      ? unnamed
      : await removeBlobs(ports, collector, blobs, unnamed, { notSinceMs, startedMs });
    const environments = built
      .list()
      .filter(({ usedMs }) => usedMs < Math.min(startedMs - options.unusedForMs, busyMs - SLACK_MS))
      .filter(({ name, usedMs }) => options.dryRun || built.remove(name, usedMs + 1));
    const results = staleResults(ports, hexOf(blobs, gone));
    const leftovers = homeUse.leftovers();
    if (!options.dryRun) {
      for (const path of [...results, ...leftovers.map(({ path }) => path)]) homeUse.remove(path);
      collector.removeLeftovers();
      removeIdleReferrers(ports, homeUse, new Set(hexOf(collector.list(), [])));
    }
    // The disk may have been full before.
    sealed ??= unlessHindered(seal, (finding) => ports.warn(finding));
    const sizes = [gone, environments, leftovers].map(bytesOf);
    return {
      blobs: { count: gone.length, sizeBytes: sizes[0]! },
      environments,
      results: results.length,
      leftovers: { count: leftovers.length, sizeBytes: sizes[2]! },
      sealed: sealed ?? { runs: 0, packs: 0 },
      sizeBytes: sizes.reduce((sum, bytes) => sum + bytes, 0),
      kept: { count: blobs.length - gone.length, sizeBytes: bytesOf(blobs) - sizes[0]! },
    };
  } finally {
    release?.();
  }
}

/** @returns nothing where packing failed */
function unlessHindered(seal: () => Sealed, told: (finding: Finding) => void = () => {}): Sealed | undefined {
  try {
    return seal();
  } catch (error) {
    const [finding] = error instanceof SameError ? error.findings : [];
    const why = finding?.message ?? (error instanceof Error ? error.message : String(error));
    told({
      code: 'SAME1404',
      ...finding,
      message: `not all runs could be packed, they stay as they are: ${why}`,
    });
    return undefined;
  }
}

async function unnamedBlobs(
  ports: Ports,
  collector: BlobCollector,
  blobs: readonly StoredBlob[],
  notSinceMs: number,
): Promise<StoredBlob[]> {
  const young = blobs.filter(({ usedMs }) => usedMs >= notSinceMs).map(hex);
  const named = await nameBlobs(ports, collector, new Set(blobs.map(hex)), young);
  return blobs.filter((blob) => !named.has(hex(blob)));
}

/**
 * Puts all of them aside, looks once more for names that were given meanwhile, and removes the rest. Whoever asks for one
 * that is aside has it back.
 */
async function removeBlobs(
  ports: Ports,
  collector: BlobCollector,
  all: readonly StoredBlob[],
  unnamed: readonly StoredBlob[],
  { notSinceMs, startedMs }: { notSinceMs: number; startedMs: number },
): Promise<StoredBlob[]> {
  const aside: StoredBlob[] = [];
  for (const blob of unnamed) {
    if (ports.cancel.aborted) break;
    if (collector.setAside(blob.digest, notSinceMs)) aside.push(blob);
  }
  if (!ports.cancel.aborted && aside.length > 0) {
    const used = collector.list().filter(({ usedMs }) => usedMs >= startedMs);
    const named = await nameBlobs(ports, collector, new Set(all.map(hex)), used.map(hex));
    const gone = aside.filter((blob) => {
      if (named.has(hex(blob))) collector.putBack(blob.digest);
      return !named.has(hex(blob));
    });
    return gone.filter(({ digest, sizeBytes }) => sizeBytes === 0 || collector.remove(digest) > 0);
  }
  for (const { digest } of aside) collector.putBack(digest);
  stopIfCanceled(ports);
  return [];
}

/** Files of stored results that name content which is not there. */
function staleResults({ files, home }: Ports, there: readonly string[]): string[] {
  const directory = `${home}/cache/results`;
  const known = new Set(there);
  return (
    [...(files.kind(directory) === 'directory' ? files.entries(directory) : [])]
      // Beside them lies what is being written.
      .filter(({ path }) => path.endsWith('.json'))
      .map(({ path }) => `${directory}/${path}`)
      .filter((path) => {
        try {
          const named = mentionedHex([
            Buffer.from(JSON.stringify(contentOf(JSON.parse(files.read(path)?.toString('utf8') ?? '{}')))),
          ]);
          return [...named].some((digest) => !known.has(digest));
        } catch {
          // Torn by a crash: it is no result.
          return true;
        }
      })
  );
}

/** What referred to a program that is gone. */
function removeIdleReferrers(ports: Ports, homeUse: HomeUse, there: ReadonlySet<string>): void {
  for (const subject of ports.referrers.subjects()) {
    const digits = subject.slice('sha256:'.length);
    const isIdle = ports.referrers
      .list(subject)
      .every((referrer) => !there.has(referrer.slice('sha256:'.length)));
    if (!there.has(digits) && isIdle) homeUse.remove(`${ports.home}/content/referrers/${digits}`);
  }
}

function hexOf(blobs: readonly StoredBlob[], without: readonly StoredBlob[]): string[] {
  const out = new Set(without.map(hex));
  return blobs.map(hex).filter((digits) => !out.has(digits));
}

function hex({ digest }: StoredBlob): string {
  return digest.slice('sha256:'.length);
}

function bytesOf(things: readonly { sizeBytes: number }[]): number {
  return things.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}
