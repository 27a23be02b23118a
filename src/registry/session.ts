import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import type { ExchangeRequest } from '../host/exchange.ts';

/** One thing that is asked of a registry. */
export interface RegistryRequest {
  method: ExchangeRequest['method'];
  /** Below the registry, like `/v2/ns/name/blobs/sha256:…`; or what a `Location` or `Link` of it said, resolved. */
  url: string | URL;
  headers?: Record<string, string>;
  /** May be opened again, when the request is sent again after a login. */
  body?: { sizeBytes: number; open(): AsyncIterable<Uint8Array> | Iterable<Uint8Array> };
  /** What a token has to allow: `repository:NAME:pull,push`. A challenge's own scope is added. */
  scopes: readonly string[];
  /** Statuses that are an answer here; any other is an error. */
  expect: readonly number[];
  /**
   * Whether it is sent again after a cut, 429 or 5xx (default true). Where the caller has to look first how much arrived,
   * such an end is thrown with `details.retry` true.
   */
  again?: boolean;
}

/** What a registry answered. */
export interface RegistryAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  /** Must be read or destroyed. */
  body: Readable;
  /** Where the answer came from, after redirects. */
  url: URL;
}

/**
 * Talks with one registry: logs in when asked to, follows redirects, waits as it is told, tries again. Credentials go to
 * the registry's exact host and to the token service that it names, never to where it redirects (spec chapter registries).
 */
export interface RegistrySession {
  /** `HOST[:PORT]`. */
  readonly host: string;
  /** @throws SAME1801, SAME1802, SAME1806, SAME1903 */
  ask(request: RegistryRequest): Promise<RegistryAnswer>;
  /** The waiting before the n-th further try of something that the caller repeats (n from 1). @throws SAME1903 */
  pause(tries: number): Promise<void>;
  close(): void;
}
