import { randomUUID } from 'node:crypto';
import type { Served } from './fault-answers.ts';
import { digestOf, type Upload } from './fault-content.ts';
import { type Answer, type Asked, refusal } from './faults.ts';

/** The state that an upload's last Location said, by its id. */
const states = new WeakMap<Upload, string>();

/** What a registry answers about uploads: they are begun, mounted, gone on with, asked for, finished and given up. */
export function answerUpload(served: Served, asked: Asked, name: string, id: string, whole: boolean): Answer {
  if (asked.method === 'POST' && id === '') return begin(served, asked, name, whole);
  const upload = served.content.uploads.get(id);
  if (!upload || upload.repository !== name) return refusal(404, 'BLOB_UPLOAD_UNKNOWN');
  if (served.features.locations === 'state' && asked.query.get('_state') !== states.get(upload)) {
    return refusal(404, 'BLOB_UPLOAD_INVALID', 'upload resumed at wrong offset');
  }
  if (served.features.locations === 'query' && asked.query.get('_state') !== 'a/b=c') {
    return refusal(400, 'BLOB_UPLOAD_INVALID', 'the query of the location lacks');
  }
  switch (asked.method) {
    case 'GET':
      return { status: 204, headers: progress(served, upload) };
    case 'PATCH':
      return patch(served, asked, upload, whole);
    case 'PUT':
      return finish(served, asked, upload, whole);
    case 'DELETE':
      served.content.uploads.delete(id);
      return { status: 204 };
    default:
      return refusal(405, 'UNSUPPORTED');
  }
}

function begin(served: Served, asked: Asked, name: string, whole: boolean): Answer {
  const { content, features } = served;
  const [mount, from] = [asked.query.get('mount'), asked.query.get('from')];
  const known =
    mount === null || from === null ? undefined : content.repositories.get(from)?.blobs.get(mount);
  if (features.mount && known !== undefined) {
    content.blob(name, known);
    return created(name, mount!);
  }
  const upload = content.begin(name);
  if (asked.query.has('digest')) return finish(served, asked, upload, whole);
  const minimum = features.chunkMinBytes;
  return {
    status: 202,
    headers: {
      ...progress(served, upload),
      ...(minimum !== undefined && { 'oci-chunk-min-length': String(minimum) }),
    },
  };
}

function patch(served: Served, asked: Asked, upload: Upload, whole: boolean): Answer {
  const { features } = served;
  if (features.refusePatch !== undefined) return refusal(features.refusePatch, 'UNSUPPORTED');
  const wrong = misplaced(served, asked, upload);
  if (wrong) return wrong;
  upload.bytes = Buffer.concat([upload.bytes, asked.body]);
  if (whole && asked.body.length < (features.chunkMinBytes ?? 0)) shortChunks.add(upload);
  return { status: 202, headers: progress(served, upload) };
}

/** Uploads with a chunk below the minimum, which may only be the last. */
const shortChunks = new WeakSet<Upload>();

function finish(served: Served, asked: Asked, upload: Upload, whole: boolean): Answer {
  const wrong = misplaced(served, asked, upload);
  if (wrong) return wrong;
  upload.bytes = Buffer.concat([upload.bytes, asked.body]);
  if (!whole) return refusal(400, 'CUT');
  const digest = asked.query.get('digest');
  if (digest !== digestOf(upload.bytes)) {
    served.content.uploads.delete(upload.id);
    return refusal(400, 'DIGEST_INVALID', 'provided digest did not match uploaded content');
  }
  served.content.uploads.delete(upload.id);
  served.content.blob(upload.repository, upload.bytes);
  return created(upload.repository, digest);
}

/** The refusal of bytes that do not follow what is there. */
function misplaced(served: Served, asked: Asked, upload: Upload): Answer | undefined {
  if (shortChunks.has(upload) && asked.body.length > 0) {
    return refusal(416, 'SIZE_INVALID', 'the chunk before was below OCI-Chunk-Min-Length');
  }
  const range = asked.headers['content-range'];
  if (range === undefined) return undefined;
  const [, start, end] = /^(\d+)-(\d+)$/.exec(range) ?? [];
  if (start === undefined || end === undefined) return refusal(400, 'RANGE_INVALID', `not a range: ${range}`);
  if (Number(start) === upload.bytes.length) return undefined;
  return { ...refusal(416, 'RANGE_INVALID'), headers: progress(served, upload) };
}

function progress({ features, origin }: Served, upload: Upload): Record<string, string> {
  const path = `/v2/${upload.repository}/blobs/uploads/${upload.id}`;
  states.set(upload, randomUUID());
  const location = {
    relative: path,
    absolute: `${origin.registry}${path}`,
    query: `${path}?_state=${encodeURIComponent('a/b=c')}`,
    state: `${path}?_state=${states.get(upload)}`,
    elsewhere: `${origin.elsewhere}${path}`,
  }[features.locations];
  // What distribution says of an upload without bytes is what it says of one with one byte.
  return { location, range: `0-${Math.max(0, upload.bytes.length - 1)}`, 'docker-upload-uuid': upload.id };
}

function created(name: string, digest: string): Answer {
  return {
    status: 201,
    headers: { location: `/v2/${name}/blobs/${digest}`, 'docker-content-digest': digest },
  };
}
