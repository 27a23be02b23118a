import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';

/** What is sent in one HTTP exchange. */
export interface ExchangeRequest {
  method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  url: URL;
  headers?: Record<string, string>;
  /** Read once. Its length is sent as Content-Length, in bytes. */
  body?: { sizeBytes: number; chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array> };
}

/** What came back. */
export interface ExchangeResponse {
  status: number;
  /** Names in lower case. */
  headers: IncomingHttpHeaders;
  /** Must be read to its end or destroyed. Fails with SAME1801 when it is cut, ends early or comes too slowly. */
  body: Readable;
}

/** Connections to one or more hosts. */
export interface Wire {
  /**
   * One exchange: no redirect is followed, nothing is tried again.
   * @throws SAME1801 with `details.why`: `name`, `refused`, `tls`, `cut`, `slow`, `protocol`; SAME1208 an address that
   * is never asked (link-local, metadata); SAME1903 interrupted
   */
  send(request: ExchangeRequest): Promise<ExchangeResponse>;
  /** Ends idle connections. */
  close(): void;
}
