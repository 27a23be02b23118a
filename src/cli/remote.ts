import type { Finding } from '../errors/same-error.ts';
import { readCertificates } from '../host/certificates.ts';
import { epochMs, sleep } from '../host/clock.ts';
import { openWire } from '../host/exchange.ts';
import { eraseLogin, findLogin, type Logins, storeLogin } from '../registry/credentials.ts';
import { checkLogin } from '../registry/login-check.ts';
import { openRepository } from '../registry/oci-repository.ts';
import type { Login, RegistryAccess, RegistryAddress, Repository } from '../registry/registry.ts';
import { openSession, type RegistrySession } from '../registry/session.ts';

/** What a command brings to its talks with registries. */
export interface RemoteSurroundings {
  variables: Record<string, string>;
  /** Aborted by the first Ctrl-C. */
  cancel: AbortSignal;
  progress(line: string): void;
  warn(finding: Finding): void;
}

/** A repository of a registry, with the stored login for it. @throws SAME1805 the file of authorities cannot be read */
export function openRemoteRepository(
  address: RegistryAddress,
  access: RegistryAccess,
  surroundings: RemoteSurroundings,
): Repository {
  const { cancel, variables, warn } = surroundings;
  const stored = () => findLogin(address, { variables, warn, signal: cancel });
  return openRepository(openRemoteSession(address.host, access, stored, surroundings), address);
}

/** A session with a registry. @throws as {@link openRemoteRepository} */
export function openRemoteSession(
  host: string,
  { caFile, ...access }: RegistryAccess,
  findLogin: () => Promise<Login | undefined>,
  { cancel, progress }: RemoteSurroundings,
): RegistrySession {
  const certificates = caFile === undefined ? {} : { certificates: readCertificates(caFile) };
  return openSession({
    host,
    access,
    findLogin,
    wire: openWire({ ...certificates, signal: cancel }),
    clock: { nowMs: epochMs, sleep: (ms) => sleep(ms, cancel) },
    onProgress: progress,
    signal: cancel,
  });
}

/** What keeps logins of registries. */
export function openRemoteLogins(surroundings: RemoteSurroundings): Logins {
  const { cancel, variables, warn } = surroundings;
  const options = { variables, warn, signal: cancel };
  return {
    check: (host, login, access) =>
      checkLogin(login, (found) => openRemoteSession(host, access, found, surroundings)),
    store: (host, login) => storeLogin(host, login, options),
    erase: (host) => eraseLogin(host, options),
  };
}
