import { dataArtifact } from '../bundle/data-artifact.ts';
import { LIMITS } from '../bundle/oci.ts';
import type { ProgramArtifact } from '../bundle/program-artifact.ts';
import type { BlobId, ContentStore } from '../content/content-store.ts';
import { type Finding, SameError, throwFindings } from '../errors/same-error.ts';
import { type RemoteData, remoteData } from '../program/remote-data.ts';
import type { Ports } from './ports.ts';

const CLAUSE = 'SAME-BND-047';
const RAISE = 'raise it: --with-data=SIZE';
const SHA256 = /^sha256:[0-9a-f]{64}$/;

/**
 * Gets the content of a program's data that lies elsewhere, so that it travels in a bundle: from the store, else from
 * its address, else from its mirrors in order. Whatever comes has the digest that the manifest or the lock states.
 * Data that is carried never stays away.
 * @param options.limitBytes the longest content of one pointer
 * @returns the digest of the object that carries it
 * @throws for all data at once: SAME1008 no sha256 digest is stated · SAME1205, SAME1208, SAME1209 it cannot be had ·
 * SAME1301 it is other content · SAME1304 it is longer than the limit · SAME1902 there is none
 */
export async function collectData(
  ports: Ports,
  artifact: ProgramArtifact,
  content: ContentStore,
  options: { limitBytes?: number },
): Promise<string> {
  const wanted = remoteData(artifact.program, artifact.lock).filter(({ never }) => !never);
  if (wanted.length === 0) {
    throw new SameError({
      code: 'SAME1902',
      message: '--with-data has nothing to do: the program declares no data elsewhere that may travel',
      place: '--with-data',
      hint: 'leave it out: data in the program’s own files travels anyway',
    });
  }
  const limitBytes = options.limitBytes ?? LIMITS.unpackedBytes;
  const findings: Finding[] = [];
  const found: { name: string; digest: string; sizeBytes: number }[] = [];
  for (const data of wanted) {
    try {
      found.push({ name: data.name, ...(await contentOf(ports, data, content, limitBytes)) });
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
  if (digest === undefined || !SHA256.test(digest)) {
    throw new SameError({
      code: 'SAME1008',
      message: `data.${name} states no sha256 digest of one file, so that its content cannot be known to be the right one`,
      hint: 'state it in same.yaml: digest: sha256:…',
    });
  }
  const sizeBytes = await content.size(digest);
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
      const { sizeBytes } = await ports.download(uri, path, { limitBytes });
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
