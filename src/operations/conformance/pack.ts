import { originArtifact } from '../../bundle/origin-artifact.ts';
import type { RunRecord } from '../../runs/run-record.ts';
import type { Origin } from '../../sources/source.ts';
import { exportProgram } from '../export-program.ts';
import { packTree } from '../pack-source.ts';
import { keepUnlessTaken, type Pinning, pinProgram } from '../pin-program.ts';
import type { Ports } from '../ports.ts';
import type { HistoryChoice } from '../select-runs.ts';
import { type ByteString, byteString, type Desk, type Files, Unsupported } from './desk.ts';
import { placeFiles } from './place-files.ts';

/** What is packed, and what travels along. */
export interface PackInput {
  files: Files;
  ancestors?: { files: Files }[];
  runs?: RunRecord[];
  history?: string;
  origin?: Origin;
  data?: Record<string, ByteString>;
  sourceDateEpoch?: string;
  form?: 'oci-tar' | 'tgz';
}

const PINNING: Pinning = { pin: 'soft', replace: 'none' };

/** Makes a program of a folder and exports it, with the runs of a home that has just these. */
export async function pack(desk: Desk, input: PackInput) {
  if (input.data) throw new Unsupported('data is had from where it lies, and no case has a network');
  const { sourceDateEpoch } = input;
  const ports = desk.open(sourceDateEpoch === undefined ? {} : { SOURCE_DATE_EPOCH: sourceDateEpoch });
  for (const ancestor of (input.ancestors ?? []).toReversed()) await create(desk, ports, ancestor.files);
  const reference = await create(desk, ports, input.files, input.origin);
  for (const record of input.runs ?? []) ports.runs.begin(record).finish(record);
  const { form = 'oci-tar' } = input;
  const output = `${desk.directory}/bundle`;
  const history = historyOf(input.history ?? 'all');
  const { digests } = await exportProgram(ports, { reference, output, form, history });
  const { program, index, archive } = digests;
  return { digests: { program, index, archive }, archive: byteString(ports.files.read(output)!) };
}

/** As `same create program -f FOLDER`, with the origin that a case says or none. @returns `NAME:VERSION` */
async function create(desk: Desk, ports: Ports, files: Files, origin?: Origin): Promise<string> {
  const folder = `${desk.directory}/source`;
  using temporary = ports.files.temporary();
  await ports.files.makeDirectory(folder, (directory) => placeFiles(ports, directory, files), {
    replace: true,
  });
  using source = await ports.openSource(folder, { workDirectory: temporary.path });
  if (source.kind === 'bundle') throw new Unsupported('the files are a bundle');
  const staged = ports.stageContent(temporary.path);
  const { artifact } = await packTree(ports, source, staged);
  const linked = origin && (await originArtifact(origin, artifact, staged));
  await keepUnlessTaken(ports, artifact, PINNING, staged);
  pinProgram(ports, artifact, PINNING, { origin: linked?.digest });
  if (linked) ports.referrers.add(artifact.digest, linked.digest);
  const { name, version } = artifact.program.metadata;
  return `${name}:${version}`;
}

function historyOf(text: string): HistoryChoice {
  return text === 'none' || text === 'latest' || text === 'all' ? text : text.split(',');
}
