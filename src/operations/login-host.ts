import { SameError } from '../errors/same-error.ts';
import type { Ports } from './ports.ts';
import { parseRegistryHost } from './registry-address.ts';

/**
 * The host of `same login` and `same logout`: `HOST[:PORT]` or an alias.
 * @throws SAME1805 it is none; of an address of the web it says the host
 */
export async function parseLoginHost(ports: Ports, text: string, verb: 'login' | 'logout'): Promise<string> {
  const web = /^https?:\/\/([^/?#@\s]+)/i.exec(text);
  if (!web) return parseRegistryHost(ports, text);
  throw new SameError({
    code: 'SAME1805',
    message: `"${text}" is an address of the web; a registry is named by its host`,
    hint: `try: same ${verb} ${web[1]!.toLowerCase()}`,
  });
}
