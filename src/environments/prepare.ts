import { canonicalBytes, sha256 } from '../bundle/canonical-json.ts';
import { SameError } from '../errors/same-error.ts';
import { isImageAlone } from '../program/environment-kind.ts';
import type { JsonObject } from '../program/json.ts';
import type { Environment } from '../program/schema.ts';
import { containerImage } from './container-image.ts';
import type { EnvironmentFinding, EnvironmentsOptions, Prepared, ReadyEnvironment } from './environment.ts';
import { checkNode, nodeBuildDigest, nodeLock, prepareNode } from './node-kind.ts';
import { checkPython, preparePython, pythonBuildDigest, pythonLock } from './python-kind.ts';
import { checkR, prepareR, rLock } from './r-kind.ts';
import { type Commands, commandWords, findCommands } from './required-commands.ts';

/** The environments of one program on this machine. */
export interface Environments {
  /** Builds it when it is not there yet; asked again it gives the same. @throws SAME1501 to SAME1505, SAME1701, SAME1903 */
  ready(name: string): Promise<ReadyEnvironment>;
  /** As it will be once it is ready, its key above all; builds nothing, so that the path may lack what is not there yet. */
  planned(name: string): Promise<ReadyEnvironment>;
  /** What is missing before it can be ready: cheap, builds nothing. */
  check(name: string): Promise<EnvironmentFinding[]>;
  /** The digest by which it is built, or undefined when nothing is built for it. @throws SAME1503, SAME1504, SAME1505 */
  digest(name: string): Promise<string | undefined>;
}

/** Opens the environments of a program; nothing is looked at before it is asked for. */
export function openEnvironments(options: EnvironmentsOptions): Environments {
  const made = new Map<string, Promise<ReadyEnvironment>>();
  return {
    ready(name) {
      let promise = made.get(name);
      if (!promise) {
        promise = prepare(name, options);
        promise.catch(() => made.delete(name));
        made.set(name, promise);
      }
      return promise;
    },
    planned: (name) => prepare(name, { ...options, planOnly: true }),
    check: (name) => check(name, options),
    async digest(name) {
      const { python, node } = options.program.environments?.[name] ?? {};
      if (node) return nodeBuildDigest(name, node, options);
      return python && (await pythonBuildDigest(name, python, options));
    },
  };
}

async function prepare(name: string, options: EnvironmentsOptions): Promise<ReadyEnvironment> {
  const environment = environmentOf(name, options);
  const boxed = await prepareImage(name, environment, options);
  if (boxed) return boxed;
  const commands = await findCommands(name, environment, options);
  if (commands.findings.length > 0 && !options.allowUnmet) throw new SameError(commands.findings);
  const variables = { ...environment.variables };
  const prepared = await prepareLanguage(name, environment, options);
  if (!prepared) {
    const { frozen, path, declared } = commands;
    const resolved = { commands: frozen };
    // A step runs again for what it may start itself, not for what another was given to start.
    const keys = new Map<string, string>();
    const keyOf = (run: string | string[]) => {
      // Of a list the first word alone decides.
      const said = typeof run === 'string' ? `shell ${run}` : `exec ${run[0]}`;
      const known = keys.get(said);
      if (known !== undefined) return known;
      const words = commandWords(run);
      const own = new Set([...declared, ...words]);
      const key = frozenKey(
        Object.fromEntries(Object.entries(frozen).filter(([command]) => own.has(command))),
      );
      keys.set(said, key);
      return key;
    };
    return { name, kind: 'system', path, variables, key: frozenKey(frozen), keyOf, locked: false, resolved };
  }
  const { kind, bin } = prepared;
  return {
    name,
    kind,
    path: [...new Set([...bin, ...commands.path])],
    variables,
    ...withCommands(prepared, commands),
  };
}

/** The key of commands as they were found on the machine. */
function frozenKey(commands: Record<string, string>): string {
  return `freeze:${sha256(canonicalBytes({ commands }))}`;
}

/** Commands that are declared beside a lock are a part of what decides a result. */
function withCommands(
  { key, locked, resolved }: Pick<Prepared, 'key' | 'locked' | 'resolved'>,
  { frozen }: Pick<Commands, 'frozen'>,
): Pick<ReadyEnvironment, 'key' | 'locked' | 'resolved'> {
  if (Object.keys(frozen).length === 0) return { key, locked, resolved };
  const [kind, digest] = [key.slice(0, key.indexOf(':')), key.slice(key.indexOf(':') + 1)];
  return {
    key: `${kind}:${sha256(canonicalBytes({ lock: digest, commands: frozen }))}`,
    locked: false,
    resolved: { ...resolved, commands: frozen },
  };
}

async function prepareLanguage(
  name: string,
  { python, r, node }: Environment,
  options: EnvironmentsOptions,
): Promise<Prepared | undefined> {
  if (python) return preparePython(name, python, options);
  if (r) return prepareR(name, r, options);
  return node && prepareNode(name, node, options);
}

/** What a language's lock says where it has one, without looking at this machine. */
async function lockOf(
  name: string,
  { python, r, node }: Environment,
  options: EnvironmentsOptions,
): Promise<Pick<Prepared, 'key' | 'locked' | 'resolved'> | undefined> {
  if (python) return pythonLock(name, python, options);
  if (r) return rLock(name, r, options);
  return node?.lock === undefined ? undefined : nodeLock(name, node, options);
}

/** The image where steps run in containers and the environment has one. */
async function prepareImage(
  name: string,
  environment: Environment,
  options: EnvironmentsOptions,
): Promise<ReadyEnvironment | undefined> {
  if (!options.containers) return undefined;
  const image = await containerImage(name, environment, options.codeFiles ?? noFiles);
  if (!image) return undefined;
  const { container, said } = image;
  const variables = { ...environment.variables };
  const lock = await lockOf(name, environment, options);
  const ran: JsonObject = 'image' in container ? { image: said } : { dockerfile: said };
  if (!lock) {
    const locked = 'image' in container;
    return { name, kind: 'image', path: [], variables, key: image.key, locked, resolved: ran, container };
  }
  // What the image has for commands is said by the image.
  const frozen: Record<string, string> = container.requires.length > 0 ? { image: image.key } : {};
  const { key, locked } = withCommands(lock, { frozen });
  const resolved = { ...ran, ...lock.resolved };
  return { name, kind: 'image', path: [], variables, key, locked, resolved, container };
}

async function* noFiles() {}

async function check(name: string, options: EnvironmentsOptions): Promise<EnvironmentFinding[]> {
  const declared = options.program.environments?.[name];
  // Of an image alone this machine needs nothing: engines that cannot run in it refuse to.
  if (declared && isImageAlone(declared)) return [];
  const environment = environmentOf(name, options);
  const isBoxed = environment.image !== undefined || environment.dockerfile !== undefined;
  if (options.containers && isBoxed) return [];
  const { findings } = await findCommands(name, environment, options, true);
  const { python, r, node } = environment;
  if (python) findings.push(...(await checkPython(name, python, options)));
  if (r) findings.push(...(await checkR(name, r, options)));
  if (node) findings.push(...(await checkNode(name, node, options)));
  return findings;
}

/** A program that declares no environments has one, the system's. @throws SAME1009, SAME1016 */
function environmentOf(name: string, { program, containers }: EnvironmentsOptions): Environment {
  const environment =
    program.environments?.[name] ?? (name === 'default' ? { system: true as const } : undefined);
  if (!environment) throw new SameError({ code: 'SAME1009', message: `there is no environment "${name}"` });
  if (containers || !isImageAlone(environment)) return environment;
  const field = environment.image === undefined ? 'dockerfile' : 'image';
  throw new SameError({
    code: 'SAME1016',
    message: `environments.${name}.${field} without a lock is not supported on this machine by this version of same`,
    hint: 'declare python with a lock, or system: true, beside the image',
  });
}
