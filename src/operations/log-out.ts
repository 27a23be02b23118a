import { SameError } from '../errors/same-error.ts';
import type { LoginPlace } from '../registry/credentials.ts';
import { parseLoginHost } from './login-host.ts';
import type { Ports } from './ports.ts';

/** What {@link logOut} did. */
export interface LoggedOut {
  /** `HOST[:PORT]`. */
  host: string;
  removed: LoginPlace[];
  /** `HOST/NAMESPACE` with a login of its own, each of which stays. */
  left: string[];
}

/**
 * `same logout`: removes the logins of a registry from wherever they would be found.
 * @param text `HOST[:PORT]` or an alias
 * @throws SAME1803 there is none · SAME1805 · SAME1807
 */
export async function logOut(ports: Ports, text: string): Promise<LoggedOut> {
  const host = await parseLoginHost(ports, text, 'logout');
  const { removed, left, files } = await (await ports.openLogins()).erase(host);
  if (removed.length > 0) return { host, removed, left };
  throw new SameError({
    code: 'SAME1803',
    message: `there is no login for ${host} in ${files.join(' or ')}${left.length > 0 ? `, only for ${left.join(', ')}` : ''}`,
    hint:
      left.length > 0 ? `remove one with: podman logout ${left[0]}` : `store one with: same login ${host}`,
  });
}
