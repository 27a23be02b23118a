import { SameError } from '../errors/same-error.ts';
import type { Ports } from './ports.ts';
import { parseRegistryHost } from './registry-address.ts';

/**
 * The host of `same login` and `same logout`: `HOST[:PORT]` or an alias.
 * @throws SAME1805 it is none; of an address of the web it says the host
 */
export async function parseLoginHost(ports: Ports, text: string, verb: 'login' | 'logout'): Promise<string> {
  // What stands before an @ would be a login, which no message repeats.
  const web = /^https?:\/\/(?:[^/?#\s]*@)?([^/?#@\s]+)/i.exec(text);
  if (!web && !text.includes('@')) return parseRegistryHost(ports, text);
  const shown = text.replace(/^(\w+:\/\/)?.*@/s, '$1…@');
  throw new SameError({
    code: 'SAME1805',
    message: `"${shown}" is ${web ? 'an address of the web' : 'no host'}; a registry is named by its host alone`,
    hint: `try: same ${verb} ${web?.[1]?.toLowerCase() ?? 'HOST'}`,
  });
}
