import { SameError } from '../errors/same-error.ts';
import { isLoopbackHost, withoutCredentials } from '../host/addresses.ts';

const LONGEST_SHOWN = 160;

/** A URL for messages: no login, no query (which may be a signature), and not endless. */
export function shownUrl(url: URL): string {
  const text = withoutCredentials(url);
  return text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}…` : text;
}

/**
 * Where an answer may lead, by redirect or `Location`: never from https to http, and to this machine only from this
 * machine (spec bundle, threat 10). What is the same host is asked by https also where it says http: behind a proxy that
 * speaks TLS for it, a registry does not know how it was asked.
 * @throws SAME1801
 */
export function allowedUrl(target: URL, from: URL): URL {
  const url = new URL(target);
  url.username = url.password = url.hash = '';
  if (from.protocol === 'https:' && url.protocol === 'http:') {
    if (url.host !== from.host) throw leadsAstray(from, url, 'which is not https');
    url.protocol = 'https:';
  }
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    throw leadsAstray(from, url, 'which is not http');
  if (isLoopbackHost(url.hostname) && !isLoopbackHost(from.hostname))
    throw leadsAstray(from, url, 'which is on this machine');
  return url;
}

function leadsAstray(from: URL, to: URL, why: string): SameError {
  return answersWrongly(from, `it leads to ${shownUrl(to)}, ${why}`);
}

/** The error for an answer that is not HTTP as a registry should speak it. */
export function answersWrongly(from: URL, why: string): SameError {
  const message = `${from.host} answers wrongly: ${why}`;
  return new SameError({ code: 'SAME1801', message }, { details: { why: 'protocol' } });
}
