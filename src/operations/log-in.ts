import { SameError } from '../errors/same-error.ts';
import type { LoginPlace } from '../registry/credentials.ts';
import type { RegistryAccess } from '../registry/registry.ts';
import { parseLoginHost } from './login-host.ts';
import type { Ports } from './ports.ts';

/** What {@link logIn} did. */
export interface LoggedIn {
  /** `HOST[:PORT]`. */
  host: string;
  username: string;
  /** False when the registry asked for no login: it has not said whether it takes this one. */
  checked: boolean;
  stored: LoginPlace;
}

/**
 * `same login`: keeps a user name and password for a registry that takes them, where docker and podman keep theirs.
 * @param text `HOST[:PORT]` or an alias
 * @param askLogin where name and password come from; asked once the host is known to be one
 * @throws SAME1805 · SAME1902 no user name or password · SAME1801, SAME1802 the registry; nothing is stored then ·
 * SAME1807 it cannot be stored
 */
export async function logIn(
  ports: Ports,
  text: string,
  options: {
    access: Pick<RegistryAccess, 'plainHttp' | 'caFile'>;
    askLogin(host: string): Promise<{ username: string; password: string }>;
  },
): Promise<LoggedIn> {
  const host = await parseLoginHost(ports, text, 'login');
  const { username, password } = await options.askLogin(host);
  if (username === '' || username.includes(':')) {
    throw new SameError({
      code: 'SAME1902',
      message: username === '' ? 'no user name was given' : 'a user name has no colon',
      hint: `say it with: same login ${host} -u USER`,
    });
  }
  if (password === '') {
    throw new SameError({
      code: 'SAME1902',
      message: 'no password was given',
      hint: `pipe it in: same login ${host} -u ${username} --password-stdin < FILE`,
    });
  }
  const logins = await ports.openLogins();
  const checked = await logins.check(host, { username, password }, options.access);
  const stored = await logins.store(host, { username, password });
  return { host, username, checked, stored };
}
