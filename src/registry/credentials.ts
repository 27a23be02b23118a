import { withLock } from '../content/exclusive-lock.ts';
import { type Finding, SameError } from '../errors/same-error.ts';
import { dirname, isErrno, join, makeDirectories, readIfThere, resolve } from '../host/files.ts';
import { homeDirectory } from '../host/machine.ts';
import { isPrivate, linkTarget, writePrivately } from '../host/private-file.ts';
import { environmentVariables } from '../host/processes.ts';
import { type CredentialHelper, type HelperOptions, openCredentialHelper } from './credential-helper.ts';
import {
  changeLogins,
  type DockerConfig,
  helperOf,
  loginIn,
  parseDockerConfig,
  serverNameOf,
  storedKeys,
} from './docker-config.ts';
import type { Login, RegistryAccess, RegistryAddress } from './registry.ts';

/** How logins are looked for and kept. */
export interface CredentialOptions extends HelperOptions {
  /** Told of a helper that is missing or fails: the registry is then asked without a login. */
  warn?: (finding: Finding) => void;
}

/** Where a login is kept: in a file, unencrypted, or by a helper that a file names. */
export interface LoginPlace {
  file: string;
  /** `docker-credential-NAME`. */
  helper?: string;
}

/** What has been removed, and what has not. */
export interface Erased {
  /** Where the logins were. */
  removed: LoginPlace[];
  /** Keys of namespaces in the host, `HOST/NAMESPACE`, whose own logins stay. */
  left: string[];
  /** The files that were looked into. */
  files: string[];
}

/** The logins of registries that a user has. */
export interface Logins {
  /**
   * Asks a registry whether it takes a login.
   * @returns false when it wanted none @throws SAME1802 · SAME1801 · SAME1805 the file of authorities cannot be read
   */
  check(host: string, login: Login, access: Omit<RegistryAccess, 'login'>): Promise<boolean>;
  /** See {@link storeLogin}. */
  store(host: string, login: Login): Promise<LoginPlace>;
  /** See {@link eraseLogin}. */
  erase(host: string): Promise<Erased>;
}

/**
 * The login that is stored for a repository: in the file that REGISTRY_AUTH_FILE names, else in docker's own (`config.json`
 * in DOCKER_CONFIG or `~/.docker`). In each a helper for the host goes before the store for all, and that before what
 * the file itself holds. A login of another host or port is never given (spec SAME-REG-036, SAME-REG-037).
 * @returns undefined where there is none, and where a helper is missing or fails, which is warned of
 * @throws SAME1807 a file is damaged or cannot be read · SAME1903
 */
export async function findLogin(
  address: RegistryAddress,
  options: CredentialOptions = {},
): Promise<Login | undefined> {
  for (const file of filesOf(options)) {
    const config = read(file);
    const helper = helperIn(config, address.host, options);
    if (helper) {
      try {
        const login = await helper.get(serverNameOf(address.host));
        if (login) return login;
      } catch (error) {
        if (!(error instanceof SameError) || error.code !== 'SAME1807') throw error;
        const [finding] = error.findings;
        options.warn?.({
          ...finding!,
          message: `${finding!.message}: ${address.host} is asked without a login`,
        });
        return undefined;
      }
    }
    const login = loginIn(config, address);
    if (login) return login;
  }
  return undefined;
}

/**
 * Keeps a login, where the next {@link findLogin} looks first: by the helper that is named for the host, else in the file.
 * @throws SAME1807 it cannot be kept: nothing is changed then · SAME1903
 */
export async function storeLogin(
  host: string,
  login: Login,
  options: CredentialOptions = {},
): Promise<LoginPlace> {
  const [file] = filesOf(options);
  const helper = helperIn(read(file), host, options);
  if (helper) {
    await helper.store(serverNameOf(host), login);
    return { file, helper: helper.command };
  }
  edit(file, () => ({ host, login }));
  return { file };
}

/**
 * Removes the logins of a host from everywhere that {@link findLogin} looks.
 * @throws SAME1807 a helper or a file refuses; what could be removed is removed · SAME1903
 */
export async function eraseLogin(host: string, options: CredentialOptions = {}): Promise<Erased> {
  const files = filesOf(options);
  const removed: LoginPlace[] = [];
  const left: string[] = [];
  const refusals: Finding[] = [];
  for (const file of files) {
    const config = read(file);
    const helper = helperIn(config, host, options);
    try {
      if (helper && (await helper.get(serverNameOf(host)))) {
        await helper.erase(serverNameOf(host));
        removed.push({ file, helper: helper.command });
      }
    } catch (error) {
      if (!(error instanceof SameError) || error.code !== 'SAME1807') throw error;
      refusals.push(...error.findings);
    }
    const { full, namespaces } = storedKeys(config, host);
    left.push(...namespaces);
    edit(file, (now) => ({ remove: storedKeys(now, host).own }));
    if (full) removed.push({ file });
  }
  if (refusals.length > 0) throw new SameError(refusals);
  return { removed, left, files };
}

/** The files that logins are looked for in, first the one they are kept in. */
function filesOf({ variables = environmentVariables() }: CredentialOptions): [string, ...string[]] {
  const directory = variables.DOCKER_CONFIG || join(variables.HOME || homeDirectory(), '.docker');
  const dockers = resolve(directory, 'config.json');
  if (!variables.REGISTRY_AUTH_FILE) return [dockers];
  const named = resolve(variables.REGISTRY_AUTH_FILE);
  return named === dockers ? [dockers] : [named, dockers];
}

function helperIn(
  config: DockerConfig,
  host: string,
  options: CredentialOptions,
): CredentialHelper | undefined {
  const name = helperOf(config, host);
  return name === undefined ? undefined : openCredentialHelper(name, config.path, options);
}

function read(file: string): DockerConfig {
  try {
    return parseDockerConfig(readIfThere(file), file);
  } catch (error) {
    throw refused(error, file, 'read');
  }
}

/** Changes a file while no other same does, from what it holds then; what is as it shall be is left alone. */
function edit(file: string, change: (config: DockerConfig) => Parameters<typeof changeLogins>[1]): void {
  const now = read(file);
  const wanted = change(now);
  try {
    if (changeLogins(now, wanted) === undefined && ('remove' in wanted || isPrivate(file))) return;
    const target = linkTarget(file);
    makeDirectories(dirname(target), 0o700);
    withLock(join(dirname(target), '.same-logins.lock'), () => {
      const config = read(file);
      writePrivately(target, changeLogins(config, change(config)) ?? config.text);
    });
  } catch (error) {
    throw refused(error, file, 'written');
  }
}

function refused(error: unknown, file: string, what: 'read' | 'written'): unknown {
  if (error instanceof SameError && error.code !== 'SAME1405') return error;
  const code =
    error instanceof SameError ? 'another process changes them' : (error as NodeJS.ErrnoException).code;
  if (code === undefined || (!(error instanceof SameError) && !isErrno(error, code))) return error;
  return new SameError(
    {
      code: 'SAME1807',
      message: `stored logins cannot be ${what}: ${file} (${code})`,
      place: file,
      hint: 'see who may read and write it, or name another file with REGISTRY_AUTH_FILE or DOCKER_CONFIG',
    },
    { cause: error },
  );
}
