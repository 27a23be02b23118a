import { SameError } from '../errors/same-error.ts';
import { isLoopbackHost } from './addresses.ts';
import type { Pace, Received } from './exchange-body.ts';

/** What an exchange's error is about. */
export interface ExchangeFacts {
  url: URL;
  signal?: AbortSignal;
  pace: Pace;
  /** The connection had served before. */
  reused?: boolean;
  /** Set once there was an answer. */
  received?: Received;
}

type Why = 'name' | 'refused' | 'tls' | 'cut' | 'slow' | 'protocol';

/**
 * Makes SAME1801 or SAME1903 of what node says; a SameError is passed on. `details`: `why`; `reason` for two kinds of
 * `tls`, `plain` (the server speaks no TLS) and `authority` (the certificate's is not known); `reused`.
 */
export function exchangeError(error: unknown, facts: ExchangeFacts): unknown {
  if (error instanceof SameError) return error;
  if (facts.signal?.aborted)
    return new SameError({ code: 'SAME1903', message: 'interrupted' }, { cause: error });
  const code = codeOf(error);
  if (code === undefined) return error;
  const { url, reused, received } = facts;
  const [why, text, reason] = explained(code, (error as Error).message, facts);
  const through = why === 'name' || why === 'refused' ? proxyNote(url) : '';
  const message = `${url.host} ${received ? 'answers wrongly' : 'cannot be reached'}: ${text}${through}`;
  const details = { why, ...(reason && { reason }), ...(reused && { reused }) };
  return new SameError({ code: 'SAME1801', message }, { cause: error, details });
}

/** What node says of a proxy reads as if it were of the server. The proxy's address is not shown: it may hold a login. */
function proxyNote({ protocol, hostname }: URL): string {
  if (isLoopbackHost(hostname)) return '';
  const names = protocol === 'https:' ? ['https_proxy', 'HTTPS_PROXY'] : ['http_proxy', 'HTTP_PROXY'];
  const name = names.find((one) => process.env[one]);
  return name === undefined ? '' : ` (${name} is set: this may be said of the proxy)`;
}

/** Node gives one error for all addresses of a name. */
function codeOf(error: unknown): string | undefined {
  const { code, errors } = error as { code?: unknown; errors?: unknown[] };
  if (typeof code === 'string') return code;
  return errors?.[0] === undefined ? undefined : codeOf(errors[0]);
}

function explained(code: string, message: string, facts: ExchangeFacts): [Why, string, string?] {
  const { url, pace, received } = facts;
  const name = url.hostname;
  switch (code) {
    case 'ENOTFOUND':
      return ['name', `no address is known for ${name}`];
    case 'ECONNREFUSED':
      return ['refused', 'nothing answers at that port'];
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'ENETDOWN':
    case 'EADDRNOTAVAIL':
    case 'ETIMEDOUT':
      return ['refused', `there is no way to it (${code})`];
    case 'ERR_PROXY_TUNNEL':
      return ['refused', 'the way through the proxy is closed'];
    case 'SAME_SLOW':
      return received
        ? ['slow', `less than ${pace.slowest.bytes} bytes came in ${seconds(pace.slowest.perMs)}`]
        : ['slow', `it gave no answer for ${seconds(pace.headerTimeoutMs)}`];
    case 'ECONNRESET':
    case 'EPIPE':
    case 'ECONNABORTED':
    case 'ERR_STREAM_PREMATURE_CLOSE':
    case 'HPE_INVALID_EOF_STATE':
      return ['cut', cut(received)];
    case 'EPROTO':
      return /wrong version number|packet length too long|http request/i.test(message)
        ? ['tls', 'it does not speak TLS', 'plain']
        : ['tls', 'it does not agree on TLS'];
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
      return ['tls', `its certificate is of an authority that is not trusted here (${code})`, 'authority'];
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return ['tls', `its certificate is not for ${name}`];
    case 'CERT_HAS_EXPIRED':
      return ['tls', 'its certificate has expired'];
    default:
      if (code.startsWith('EAI_')) return ['name', `the address of ${name} cannot be looked up (${code})`];
      if (/^(ERR_TLS|ERR_SSL|CERT_|CRL_|UNABLE_TO)|^HOSTNAME_MISMATCH|^INVALID_/.test(code))
        return ['tls', `its certificate is not accepted (${code})`];
      if (code.startsWith('HPE_')) return ['protocol', `what it sends is not HTTP (${code})`];
      return ['protocol', code];
  }
}

function cut(received?: Received): string {
  if (!received) return 'the connection was cut';
  const of = received.total === undefined ? '' : ` of ${received.total}`;
  return `the connection was cut after ${received.bytes}${of} bytes`;
}

function seconds(ms: number): string {
  return `${ms / 1000} s`;
}
