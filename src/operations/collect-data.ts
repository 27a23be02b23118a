import { dataArtifact } from '../bundle/data-artifact.ts';
import { LIMITS } from '../bundle/oci.ts';
import type { ProgramArtifact } from '../bundle/program-artifact.ts';
import type { BlobId, ContentStore } from '../content/content-store.ts';
import { type Finding, SameError, throwFindings } from '../errors/same-error.ts';
import { isSha256 } from '../program/digest.ts';
import { type RemoteData, remoteData } from '../program/remote-data.ts';
import type { Ports } from './ports.ts';

const CLAUSE = 'SAME-BND-047';
const RAISE = 'raise it: --with-data=SIZE';

/** Content that is here. */
type Found = BlobId & { name: string };

/**
 * The data elsewhere whose content a bundle of a program holds: what says `carry: embed`, and when asked for all else
 * too but what says `carry: never` (spec SAME-BND-046).
 */
export function travellingData({ program, lock }: ProgramArtifact, asked: boolean): RemoteData[] {
  return remoteData(program, lock).filter(({ carry }) => carry === 'embed' || (asked && carry === 'pointer'));
}

/**
 * Makes the object that carries data from what is here, fetching nothing.
 * @returns its digest, none where no data travels; or the names of data whose content is not here
 */
export async function storedData(
  ports: Ports,
  artifact: ProgramArtifact,
  content: ContentStore,
): Promise<{ digest?: string; lacking: string[] }> {
  const found: Found[] = [];
  const lacking: string[] = [];
  for (const { name, digest, sizeBytes: declared } of travellingData(artifact, false)) {
    const isHere = isSha256(digest) && (await ports.content.isWhole(digest));
    const sizeBytes = isHere ? await ports.content.size(digest) : undefined;
    if (sizeBytes === undefined || (declared ?? sizeBytes) !== sizeBytes) lacking.push(name);
    else found.push({ name, digest: digest!, sizeBytes });
  }
  if (lacking.length > 0 || found.length === 0) return { lacking };
  return { digest: (await dataArtifact(found, artifact, content)).digest, lacking };
}

/**
 * Gets the content of data that lies elsewhere, so that it travels in a bundle: from the store where it is whole, else
 * from its address, else from its mirrors in order. Whatever comes has the digest that the manifest or the lock states.
 * @param wanted what {@link travellingData} says, and something
 * @param options.limitBytes the longest content of one pointer
 * @returns the digest of the object that carries it
 * @throws for all data at once: SAME1008 no sha256 digest is stated · SAME1205, SAME1208, SAME1209 it cannot be had ·
 * SAME1301 it is other content, or of another length · SAME1304 it is longer than the limit
 */
export async function collectData(
  ports: Ports,
  artifact: ProgramArtifact,
  wanted: readonly RemoteData[],
  content: ContentStore,
  options: { limitBytes?: number },
): Promise<string> {
  const limitBytes = options.limitBytes ?? LIMITS.unpackedBytes;
  const findings: Finding[] = [];
  const found: Found[] = [];
  for (const data of wanted) {
    try {
      const same = found.find(({ digest }) => digest === data.digest);
      if (same) refuseSize(data, same.sizeBytes, limitBytes);
      const { digest, sizeBytes } = same ?? (await contentOf(ports, data, content, limitBytes));
      found.push({ name: data.name, digest, sizeBytes });
    } catch (error) {
      if (!(error instanceof SameError) || error.code === 'SAME1903') throw error;
      findings.push(
        ...error.findings.map((finding) => ({ place: `data.${data.name}`, clause: CLAUSE, ...finding })),
      );
    }
  }
  throwFindings(findings);
  return (await dataArtifact(found, artifact, content)).digest;
}

async function contentOf(
  ports: Ports,
  data: RemoteData,
  content: ContentStore,
  limitBytes: number,
): Promise<BlobId> {
  const { name, digest } = data;
  if (!isSha256(digest)) {
    throw new SameError({
      code: 'SAME1008',
      message: `data.${name} states no sha256 digest of one file, so that its content cannot be known to be the right one`,
      hint: 'state it in same.yaml: digest: sha256:…',
    });
  }
  // What was damaged since it was stored is not here, wherever else it can be had.
  const sizeBytes = (await ports.content.isWhole(digest)) ? await ports.content.size(digest) : undefined;
  if (sizeBytes === undefined) return fetched(ports, { ...data, digest }, content, limitBytes);
  refuseSize(data, sizeBytes, limitBytes);
  return { digest, sizeBytes };
}

/** Tries its address and its mirrors. @throws what was wrong with each of them, as one finding */
async function fetched(
  ports: Ports,
  data: RemoteData & { digest: string },
  content: ContentStore,
  limitBytes: number,
): Promise<BlobId> {
  const failures: SameError[] = [];
  if (data.sizeBytes !== undefined) refuseSize(data, data.sizeBytes, limitBytes);
  for (const uri of data.uris) {
    using temporary = ports.files.scratch();
    const path = `${temporary.path}/data`;
    try {
      refuseOther(uri);
      ports.progress(`fetching data ${data.name}`);
      const { sizeBytes } = await downloaded(ports, data, uri, { path, limitBytes });
      refuseSize(data, sizeBytes, limitBytes);
      return await content.ingest(ports.files.stream(path), { digest: data.digest, sizeBytes });
    } catch (error) {
      if (!(error instanceof SameError) || error.code === 'SAME1903') throw error;
      failures.push(error);
    }
  }
  const [first] = failures;
  const reasons = failures.flatMap(({ findings }) => findings.map(({ message }) => message));
  throw new SameError(
    {
      code: first!.code,
      message: `data.${data.name} cannot be had: ${reasons.join('; ')}`,
      ...(first!.code === 'SAME1304' ? { hint: RAISE } : {}),
    },
    { cause: first },
  );
}

/** Reads no further than the data is long: the rest is not worth a byte. @throws SAME1301 it is longer */
async function downloaded(
  ports: Ports,
  { name, sizeBytes }: RemoteData,
  uri: string,
  { path, limitBytes }: { path: string; limitBytes: number },
): Promise<{ sizeBytes: number }> {
  try {
    return await ports.download(uri, path, { limitBytes: sizeBytes ?? limitBytes });
  } catch (error) {
    if (sizeBytes === undefined || !(error instanceof SameError) || error.code !== 'SAME1304') throw error;
    const message = `data.${name} has more bytes than the ${sizeBytes} declared`;
    throw new SameError({ code: 'SAME1301', message }, { cause: error });
  }
}

/** @throws SAME1208 for anything but https, on this machine too: the address is the author's, not the user's */
function refuseOther(uri: string): void {
  const scheme = uri.slice(0, uri.indexOf(':') + 1);
  if (/^https:$/i.test(scheme)) return;
  throw new SameError({
    code: 'SAME1208',
    message: `an address with ${scheme} is not fetched, only https: is`,
  });
}

/** @throws SAME1301 it is not as long as declared · SAME1304 it is too long */
function refuseSize(data: RemoteData, sizeBytes: number, limitBytes: number): void {
  if (data.sizeBytes !== undefined && data.sizeBytes !== sizeBytes) {
    throw new SameError({
      code: 'SAME1301',
      message: `data.${data.name} has ${sizeBytes} bytes, declared ${data.sizeBytes}`,
    });
  }
  if (sizeBytes <= limitBytes) return;
  throw new SameError({
    code: 'SAME1304',
    message: `data.${data.name} has ${sizeBytes} bytes, over the limit of ${limitBytes}`,
    hint: RAISE,
  });
}
