import { digestOf, type RegistryContent } from './fault-content.ts';
import { answerUpload } from './fault-uploads.ts';
import { type Answer, type Asked, refusal } from './faults.ts';

/** What the server can do; tests change it as they go. */
export interface Features {
  /** The referrers API: there, not there (404), or there and always empty. */
  referrers: 'api' | 'none' | 'empty';
  /** When a manifest with a subject is answered with OCI-Subject. */
  subjectHeader: 'when-listed' | 'always' | 'never';
  mount: boolean;
  /** What a PATCH is refused with. */
  refusePatch?: number;
  /** Smallest chunk but the last, in bytes, which is announced and enforced. */
  chunkMinBytes?: number;
  /** Whether a Range of a blob is heeded. */
  ranges: boolean;
  /** How a Location is written; `elsewhere` leads to the other port; `state` changes with each answer and must be the last. */
  locations: 'relative' | 'absolute' | 'query' | 'state' | 'elsewhere';
  /** Tags and referrers in one answer. */
  pageSize: number;
  /** Whether HEAD and GET of a manifest say Docker-Content-Digest. */
  digestHeader: boolean;
}

/** What every request is answered from. */
export interface Served {
  content: RegistryContent;
  features: Features;
  /** `https://localhost:PORT` of each listener. */
  origin: Record<Asked['listener'], string>;
}

const INDEX = 'application/vnd.oci.image.index.v1+json';
const routes: [
  RegExp,
  (served: Served, asked: Asked, name: string, last: string, whole: boolean) => Answer,
][] = [
  [/^\/v2\/(.+)\/blobs\/uploads\/([^/]*)$/, answerUpload],
  [/^\/v2\/(.+)\/blobs\/([^/]+)$/, answerBlob],
  [/^\/v2\/(.+)\/manifests\/([^/]+)$/, answerManifest],
  [/^\/v2\/(.+)\/referrers\/([^/]+)$/, answerReferrers],
  [/^\/v2\/(.+)\/tags\/(list)$/, answerTags],
];

/**
 * What a registry without faults answers (OCI distribution specification 1.1).
 * @param whole false when the request was cut: its bytes are taken, and nothing is finished
 */
export function answerRegistry(served: Served, asked: Asked, whole: boolean): Answer {
  if (asked.path === '/v2/') return { status: 200, body: Buffer.from('{}') };
  for (const [pattern, answer] of routes) {
    const [, name, last] = pattern.exec(asked.path) ?? [];
    if (name !== undefined && last !== undefined)
      return answer(served, asked, name, decodeURIComponent(last), whole);
  }
  return refusal(404, 'NOT_FOUND');
}

function answerBlob({ content, features }: Served, asked: Asked, name: string, digest: string): Answer {
  const bytes = content.repositories.get(name)?.blobs.get(digest);
  if (bytes === undefined) return refusal(404, 'BLOB_UNKNOWN');
  if (asked.method !== 'GET' && asked.method !== 'HEAD') return refusal(405, 'UNSUPPORTED');
  const headers = { 'content-type': 'application/octet-stream', 'docker-content-digest': digest };
  const range = features.ranges ? /^bytes=(\d+)-(\d*)$/.exec(asked.headers.range ?? '') : null;
  if (!range) return { status: 200, headers, body: bytes };
  const start = Number(range[1]);
  const end = range[2] ? Math.min(Number(range[2]), bytes.length - 1) : bytes.length - 1;
  if (start > end) {
    return { ...refusal(416, 'RANGE_INVALID'), headers: { 'content-range': `bytes */${bytes.length}` } };
  }
  const said = { ...headers, 'content-range': `bytes ${start}-${end}/${bytes.length}` };
  return { status: 206, headers: said, body: bytes.subarray(start, end + 1) };
}

function answerManifest(
  served: Served,
  asked: Asked,
  name: string,
  reference: string,
  whole: boolean,
): Answer {
  const { content, features } = served;
  if (asked.method === 'PUT')
    return whole ? putManifest(served, asked, name, reference) : refusal(400, 'CUT');
  const repository = content.repositories.get(name);
  const digest = repository?.tags.get(reference) ?? reference;
  const manifest = repository?.manifests.get(digest);
  if (!repository || !manifest) return refusal(404, 'MANIFEST_UNKNOWN');
  if (asked.method === 'DELETE') {
    if (reference === digest) repository.manifests.delete(digest);
    for (const [tag, to] of repository.tags)
      if (tag === reference || to === reference) repository.tags.delete(tag);
    return { status: 202 };
  }
  const said = features.digestHeader ? { 'docker-content-digest': digest } : {};
  return { status: 200, headers: { 'content-type': manifest.mediaType, ...said }, body: manifest.bytes };
}

function putManifest({ content, features }: Served, asked: Asked, name: string, reference: string): Answer {
  const isDigest = reference.includes(':');
  if (isDigest && reference !== digestOf(asked.body)) return refusal(400, 'DIGEST_INVALID');
  const mediaType = asked.headers['content-type'] ?? '';
  let parsed: { config?: { digest: string }; layers?: { digest: string }[]; subject?: { digest: string } };
  try {
    parsed = JSON.parse(asked.body.toString());
  } catch {
    return refusal(400, 'MANIFEST_INVALID');
  }
  const { blobs } = content.repository(name);
  const lacks = [parsed.config, ...(parsed.layers ?? [])].find((blob) => blob && !blobs.has(blob.digest));
  if (lacks) return refusal(400, 'MANIFEST_BLOB_UNKNOWN', `blob unknown: ${lacks.digest}`);
  const { digest } = content.manifest(name, asked.body, { mediaType, tag: isDigest ? undefined : reference });
  const says =
    features.subjectHeader === 'always' ||
    (features.subjectHeader === 'when-listed' && features.referrers === 'api');
  return {
    status: 201,
    headers: {
      location: `/v2/${name}/manifests/${digest}`,
      'docker-content-digest': digest,
      ...(parsed.subject && says && { 'oci-subject': parsed.subject.digest }),
    },
  };
}

function answerReferrers({ content, features }: Served, asked: Asked, name: string, subject: string): Answer {
  if (features.referrers === 'none') return refusal(404, 'NOT_FOUND');
  const stored = features.referrers === 'api' ? (content.repositories.get(name)?.manifests ?? []) : [];
  const filter = asked.query.get('artifactType');
  const all = [...stored]
    .filter(([, { parsed }]) => parsed.subject?.digest === subject)
    .map(([digest, { bytes, mediaType, parsed }]) => ({
      mediaType,
      digest,
      size: bytes.length,
      artifactType: parsed.artifactType ?? parsed.config?.mediaType,
      annotations: parsed.annotations,
    }))
    .filter(({ artifactType }) => filter === null || artifactType === filter);
  const { page, headers } = paged(asked, all, ({ digest }) => digest, features.pageSize);
  return {
    status: 200,
    headers: {
      'content-type': INDEX,
      ...headers,
      ...(filter !== null && { 'oci-filters-applied': 'artifactType' }),
    },
    body: Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests: page })),
  };
}

function answerTags({ content, features }: Served, asked: Asked, name: string): Answer {
  const repository = content.repositories.get(name);
  if (!repository) return refusal(404, 'NAME_UNKNOWN');
  const { page, headers } = paged(asked, [...repository.tags.keys()].sort(), (tag) => tag, features.pageSize);
  return {
    status: 200,
    headers: { 'content-type': 'application/json', ...headers },
    body: Buffer.from(JSON.stringify({ name, tags: page })),
  };
}

/** What comes after `last`, at most `n` or a page of it, with a Link where there is more. */
function paged<T>(
  asked: Asked,
  all: T[],
  keyOf: (item: T) => string,
  pageSize: number,
): { page: T[]; headers: Record<string, string> } {
  const last = asked.query.get('last');
  const start = last === null ? 0 : all.findIndex((item) => keyOf(item) === last) + 1;
  const page = all.slice(start, start + Math.min(Number(asked.query.get('n') ?? pageSize), pageSize));
  if (start + page.length >= all.length) return { page, headers: {} };
  const next = new URLSearchParams(asked.query);
  next.set('last', keyOf(page.at(-1)!));
  return { page, headers: { link: `<${asked.path}?${next}>; rel="next"` } };
}
