import { readBundle } from '../bundle/archive-reader.ts';
import { ROOT_COPIES } from '../bundle/layout.ts';
import type { Limits } from '../bundle/oci.ts';
import type { ProgramArtifact } from '../bundle/program-artifact.ts';
import { parseReferrer } from '../bundle/referrer.ts';
import { DATA_NAME } from '../bundle/referrer-check.ts';
import { isProblem } from '../bundle/refusal.ts';
import { isSameRun, openRun } from '../bundle/run-artifact.ts';
import { SameError } from '../errors/same-error.ts';
import type { RemoteData } from '../program/remote-data.ts';
import type { RunRecord } from '../runs/run-record.ts';
import type { BundleForm } from './bundle-forms.ts';
import { bundleInput, bundleRules } from './import-bundle.ts';
import type { Ports } from './ports.ts';
import type { KnownRun, Selection } from './select-runs.ts';

const ROOT_NAMES = ['oci-layout', 'index.json', ...ROOT_COPIES];

/** What an export is about to write over. */
export interface ExistingBundle {
  /** Whether a directory that is a bundle gives way. */
  replace: boolean;
  /** Runs in it that the new one leaves out. */
  left: string[];
  /** Names of data whose content is in it and not in the new one. */
  leftData: string[];
  /** Whether a file was unpacked to know that. */
  isUnpacked: boolean;
}

const NOTHING = { left: [], leftData: [], isUnpacked: false };

/**
 * Refuses to write over anything but a bundle of this program whose runs, other records and content of data are all
 * stored here, or travel again. By force any file gives way, and any directory that is a bundle and nothing more; no
 * other directory ever does.
 * @param travelling the data whose content the new bundle holds
 * @throws SAME1403
 */
export async function refuseOther(
  ports: Ports,
  target: { path: string; form: BundleForm; force: boolean; limits?: Partial<Limits> | undefined },
  artifact: ProgramArtifact,
  { known, chosen }: Selection,
  travelling: readonly RemoteData[],
): Promise<ExistingBundle> {
  const { path: file, form, force } = target;
  const kind = ports.files.kind(file);
  const refused = (what: string, hint: string) =>
    new SameError({ code: 'SAME1403', message: `${file} is there already and ${what}`, place: file, hint });
  if (kind === undefined) return { ...NOTHING, replace: false };
  if ((kind === 'directory') !== (form === 'oci-dir')) {
    throw refused(
      kind === 'directory' ? 'is a directory' : 'is no directory',
      `choose another with -o ${form === 'oci-dir' ? 'DIRECTORY' : 'FILE'}`,
    );
  }
  if (form === 'oci-dir' && ports.files.kind(`${file}/oci-layout`) !== 'file') {
    if (ports.files.names(file).length === 0) return { ...NOTHING, replace: false };
    throw refused('is a directory that is no bundle', 'choose another with -o DIRECTORY');
  }
  const stray = form === 'oci-dir' ? strayIn(ports, file) : undefined;
  if (stray !== undefined) {
    throw refused(
      `holds what is no part of a bundle: ${JSON.stringify(stray)}`,
      'move that away, or choose another with -o DIRECTORY',
    );
  }
  if (force) return { ...NOTHING, replace: true };
  const inside = await bundleAt(ports, file, target.limits);
  if (inside?.program !== artifact.digest) {
    throw refused(
      `is ${inside ? `another program (${inside.program})` : 'no bundle'}`,
      'choose another with -o FILE, or replace it with --force',
    );
  }
  const lacks = (runs: readonly KnownRun[], record: RunRecord) =>
    !runs.some((run) => isSameRun(run.record, record));
  const lost = inside.runs.filter((record) => lacks(known, record)).map(({ id }) => id);
  for (const digest of inside.others) if (!(await ports.content.has(digest))) lost.push(digest);
  const dropped = inside.data.filter(({ digest }) => !travelling.some((data) => data.digest === digest));
  const lostData: string[] = [];
  for (const { name, digest } of dropped) if (!(await ports.content.isWhole(digest))) lostData.push(name);
  if (lost.length === 0 && lostData.length > 0) {
    throw refused(
      `holds the content of data that is not stored here: ${lostData.join(', ')}`,
      `keep it with --with-data, or same import ${file}; or choose another file with -o FILE, or replace it with --force`,
    );
  }
  if (lost.length === 0) {
    return {
      replace: true,
      isUnpacked: kind !== 'directory',
      leftData: dropped.map(({ name }) => name),
      left: inside.runs.filter((record) => lacks(chosen, record)).map(({ id }) => id),
    };
  }
  throw refused(
    `holds runs that are not stored here: ${lost.join(', ')}`,
    `keep them with: same import ${file}; or choose another file with -o FILE, or replace it with --force`,
  );
}

/** A path below a directory that no bundle has. */
function strayIn(ports: Ports, directory: string): string | undefined {
  for (const { path, kind } of ports.files.entries(directory)) {
    const known = ROOT_NAMES.includes(path) || /^blobs\/sha256\/[0-9a-f]{64}$/.test(path);
    if (kind !== 'file' || !known) return path;
  }
  return undefined;
}

interface Inside {
  program: string;
  runs: RunRecord[];
  others: string[];
  data: { name: string; digest: string }[];
}

/** What there is in a bundle to lose, or undefined when it is no whole bundle. */
async function bundleAt(
  ports: Ports,
  file: string,
  limits: Partial<Limits> | undefined,
): Promise<Inside | undefined> {
  using temporary = ports.files.scratch();
  const content = ports.openContent(temporary.path);
  try {
    const rules = { ...bundleRules(ports, limits), keepLayers: false };
    const { program, referrers } = await readBundle(bundleInput(ports, file), content, rules);
    const runs: RunRecord[] = [];
    const others: string[] = [];
    const data: Inside['data'] = [];
    for (const { kind, digest } of referrers) {
      if (kind === 'run') runs.push((await openRun(digest, content)).record);
      else if (kind === 'verification' || kind === 'signature') others.push(digest);
      else if (kind === 'data') {
        const { manifest } = parseReferrer(await content.read(digest), `data ${digest}`);
        for (const layer of manifest.layers)
          data.push({ name: layer.annotations![DATA_NAME]!, digest: layer.digest });
      }
    }
    return { program, runs, others, data };
  } catch (error) {
    // A disk that failed says nothing of the file, and a limit can be raised.
    if (isProblem(error) && error.code !== 'SAME1304') return undefined;
    throw error;
  }
}
