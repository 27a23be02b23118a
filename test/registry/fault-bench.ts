import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Descriptor } from '../../src/bundle/oci.ts';
import type { ContentStore } from '../../src/content/content-store.ts';
import { openMemoryContentStore } from '../../src/content/memory-content-store.ts';
import { SameError } from '../../src/errors/same-error.ts';
import { openWire } from '../../src/host/exchange.ts';
import { openRepository } from '../../src/registry/oci-repository.ts';
import type { Login, RegistryAccess, Repository } from '../../src/registry/registry.ts';
import { openSession } from '../../src/registry/session.ts';
import type { Certificates } from '../components/certificates.ts';
import type { Features } from '../components/fault-answers.ts';
import type { Gate } from '../components/fault-logins.ts';
import { type FaultRegistry, startFaultRegistry } from '../components/fault-registry.ts';
import type { Asked } from '../components/faults.ts';

/** The repository's name in these tests. */
export const NAME = 'lab/study';

/** A fault server, and a repository of it that is spoken to over real sockets, with a clock that needs no time. */
export interface Bench extends AsyncDisposable {
  server: FaultRegistry;
  repository: Repository;
  /** How long the session wanted to wait, each time, in milliseconds. */
  waits: number[];
}

/** How a bench is opened. */
export interface BenchOptions {
  gate?: Gate;
  features?: Partial<Features>;
  tls?: Certificates;
  access?: RegistryAccess;
  login?: Login;
  chunkBytes?: number;
  signal?: AbortSignal;
  /** Takes a server for dead after a moment. */
  impatient?: boolean;
  /** Called when the session begins to wait. */
  onWait?(): void;
}

/** When these tests are, in milliseconds since the epoch. */
export const START_MS = Date.UTC(2030, 0, 1);

/** Opens a bench; pieces are 1,000 bytes unless said otherwise. */
export async function openBench(options: BenchOptions = {}): Promise<Bench> {
  const server = await startFaultRegistry(options);
  const waits: number[] = [];
  const access = options.access ?? { plainHttp: options.tls === undefined };
  const trusts = options.tls && options.access === undefined;
  const wire = openWire({
    signal: options.signal,
    ...(trusts && { certificates: readFileSync(options.tls!.caFile, 'utf8') }),
    ...(options.impatient && { headerTimeoutMs: 200, slowest: { bytes: 1024, perMs: 200 } }),
  });
  const session = openSession({
    host: server.host,
    access,
    findLogin: async () => options.login,
    wire,
    clock: {
      nowMs: () => START_MS,
      sleep: async (ms) => {
        waits.push(ms);
        options.onWait?.();
      },
      random: () => 0.5,
    },
    signal: options.signal,
  });
  const address = { host: server.host, repository: NAME };
  const repository = openRepository(session, address, { chunkBytes: options.chunkBytes ?? 1000 });
  return {
    server,
    repository,
    waits,
    async [Symbol.asyncDispose]() {
      repository.close();
      await server.dispose();
    },
  };
}

/** Bytes that repeat nowhere, so that nothing can be exchanged unseen. */
export function bytesOf(length: number, seed = 'bytes'): Buffer {
  return createHash('shake256', { outputLength: length }).update(seed).digest();
}

/** What a blob is called. */
export function descriptorOf(bytes: Buffer, mediaType = 'application/octet-stream'): Descriptor {
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  return { mediaType, digest, size: bytes.length };
}

/** Hands out a blob, in pieces of odd length, and counts how often it was opened. */
export function opener(bytes: Buffer): {
  open(startBytes: number): AsyncIterable<Uint8Array>;
  starts: number[];
} {
  const starts: number[] = [];
  const piece = bytes.length > 2 ** 20 ? 65_539 : 333;
  return {
    starts,
    async *open(startBytes) {
      starts.push(startBytes);
      for (let at = startBytes; at < bytes.length; at += piece) yield bytes.subarray(at, at + piece);
    },
  };
}

/** Puts a blob and looks at what the server holds. */
export async function put(
  { repository }: Bench,
  bytes: Buffer,
  options?: { mountFrom?: string },
): Promise<string> {
  return repository.putBlob(descriptorOf(bytes), opener(bytes).open, options);
}

/** Opens a bench whose server has a blob. */
export async function openWithBlob(bytes: Buffer, options?: BenchOptions): Promise<Bench> {
  const bench = await openBench(options);
  bench.server.content.blob(NAME, bytes);
  return bench;
}

/** Fetches a blob into a store, as pull does. */
export function fetchInto(
  { repository }: Bench,
  blob: Descriptor,
): { store: ContentStore; done: Promise<unknown> } {
  const store = openMemoryContentStore();
  const { digest, size: sizeBytes } = blob;
  return { store, done: store.ingest(repository.stream(blob), { digest, sizeBytes }) };
}

/** Reads a blob to its end. */
export async function read({ repository }: Bench, blob: Descriptor, startBytes?: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of repository.stream(blob, startBytes)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Nothing but these blobs is stored in the repository, byte for byte, and no fault is left over. */
export function assertStored({ server }: Bench, ...blobs: Buffer[]): void {
  const stored = [...server.content.repository(NAME).blobs].sort(([a], [b]) => (a < b ? -1 : 1));
  const wanted = blobs.map((bytes) => [descriptorOf(bytes).digest, bytes] as const);
  const sorted = wanted.sort(([a], [b]) => (a < b ? -1 : 1));
  assert.deepEqual(
    stored.map(([digest]) => digest),
    sorted.map(([digest]) => digest),
  );
  for (const [index, [, bytes]] of stored.entries()) assert.ok(bytes.equals(sorted[index]![1]));
  assertFaultsUsed(server);
}

/** Every scripted fault met its request. */
export function assertFaultsUsed(server: FaultRegistry): void {
  assert.deepEqual(
    server.faults.map(({ method, path }) => `${method} ${path}`),
    [],
  );
}

/** What an error must say: the code, which side, which host, which digest, and a next step. */
export interface Refusal {
  code: string;
  side?: 'reading from' | 'writing to';
  digest?: string;
  /** More that it must say. */
  says?: RegExp;
}

/** Waits for an error and looks at its words. */
export async function assertRefused(
  { server }: Bench,
  promise: Promise<unknown>,
  { code, side, digest, says }: Refusal,
): Promise<SameError> {
  const error = await promise.then(
    (value) => assert.fail(`it went well: ${JSON.stringify(value)}`),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof SameError, String(error));
  const text = error.findings.map(({ message, place, hint }) => [message, place, hint].join('\n')).join('\n');
  assert.equal(error.code, code, text);
  assert.ok(text.includes(server.host), `no host: ${text}`);
  assert.ok(error.findings[0]?.hint, `no next step: ${text}`);
  if (side) assert.ok(text.includes(side), `no side: ${text}`);
  if (digest) assert.ok(text.includes(digest), `no digest: ${text}`);
  if (says) assert.match(text, says);
  for (const secret of server.secrets()) assert.ok(!text.includes(secret), `a secret: ${text}`);
  return error;
}

/** No other host than the registry's own was told who asks; the token service of the registry counts as its own. */
export function assertNoLeak(server: FaultRegistry): void {
  const others = server.log.filter(({ listener, host }) => listener === 'elsewhere' || !isOwn(server, host));
  for (const { method, path, headers } of others) {
    const said = JSON.stringify(headers);
    assert.equal(headers.authorization, undefined, `${method} ${path}`);
    for (const secret of server.secrets()) assert.ok(!said.includes(secret), `${method} ${path}: ${said}`);
  }
}

function isOwn({ origin }: FaultRegistry, host: string): boolean {
  return [origin.registry, origin.tokens].some((own) => new URL(own).host === host);
}

/** What came of a blob in requests of a method, in order. */
export function bodies(asked: Asked[]): Buffer {
  return Buffer.concat(asked.map(({ body }) => body));
}
