import { canonicalBytes, sha256 } from '../bundle/canonical-json.ts';
import { type Finding, SameError } from '../errors/same-error.ts';
import { platform } from '../host/machine.ts';
import type { JsonObject } from '../program/json.ts';
import type { Lock } from '../program/lock.ts';
import type { Environment, Program } from '../program/schema.ts';
import {
  describeCommand,
  fileDigest,
  freezeCommand,
  locateCommand,
  parseCommandRequirement,
  satisfies,
} from './command.ts';
import type { ReadyEnvironment } from './environment.ts';
import { type LockedPackage, parseHashedRequirements } from './hashed-requirements.ts';
import { findInterpreter } from './interpreter.ts';
import { buildPython, builtPython, type PythonContents, pythonDigest } from './python-environment.ts';
import { standardPath, systemPath } from './system-path.ts';

/** A need of an environment that this machine does not meet, also in parts for a table of requirements. */
export interface EnvironmentFinding extends Finding {
  what: 'interpreter' | 'lock' | 'command';
  want: string;
  have: string;
}

/** What {@link openEnvironments} needs. */
export interface EnvironmentsOptions {
  /** `$SAME_HOME/environments`. */
  directory: string;
  program: Program;
  /** `same.lock` of the program. */
  lock?: Lock | undefined;
  /** Bytes of a program file, or undefined when there is none. */
  readCode(path: string): Promise<Buffer | undefined>;
  /** Where pip and uv keep downloads; without one they keep none. */
  cacheDirectory?: string;
  /** Go on without commands that are missing or of another version; what is there is frozen. */
  allowUnmet?: boolean;
  /** Accept packages that have to be built, which executes their code. */
  allowBuild?: boolean;
  onProgress?(line: string): void;
  signal?: AbortSignal;
}

/** The environments of one program on this machine. */
export interface Environments {
  /** Builds it when it is not there yet; asked again it gives the same. @throws SAME1501 to SAME1505, SAME1701, SAME1903 */
  ready(name: string): Promise<ReadyEnvironment>;
  /** What is missing before it can be ready: cheap, builds nothing. */
  check(name: string): Promise<EnvironmentFinding[]>;
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
    check: (name) => check(name, options),
  };
}

async function prepare(name: string, options: EnvironmentsOptions): Promise<ReadyEnvironment> {
  const environment = environmentOf(name, options.program);
  const commands = await findCommands(name, environment, options);
  if (commands.findings.length > 0 && !options.allowUnmet) throw new SameError(commands.findings);
  const variables = { ...environment.variables };
  if (!environment.python) {
    const key = `freeze:${sha256(canonicalBytes({ commands: commands.frozen }))}`;
    const resolved = { commands: commands.frozen };
    return { name, kind: 'system', path: commands.path, variables, key, locked: false, resolved };
  }
  const contents = await lockedContents(name, environment.python, options);
  const built = (await builtPython(contents, options.directory)) ?? (await buildPython(contents, options));
  const declared = Object.keys(commands.frozen).length > 0;
  const digest = pythonDigest(contents);
  return {
    name,
    kind: 'python',
    path: [built.bin, ...commands.path],
    variables,
    key: `lock:${declared ? sha256(canonicalBytes({ lock: digest, commands: commands.frozen })) : digest}`,
    locked: !declared,
    resolved: {
      python: built.version,
      packages: Object.fromEntries(contents.packages.map(({ name, version }) => [name, version])),
      ...(declared ? { commands: commands.frozen } : {}),
    },
  };
}

async function check(name: string, options: EnvironmentsOptions): Promise<EnvironmentFinding[]> {
  const environment = environmentOf(name, options.program);
  const { findings } = await findCommands(name, environment, options, true);
  if (!environment.python) return findings;
  const want = `python ${environment.python.version}`;
  try {
    const contents = await lockedContents(name, environment.python, options);
    if (await builtPython(contents, options.directory)) return findings;
  } catch (error) {
    // A lock that pins nothing is no unmet need: no machine could meet it (spec SAME-PRG-048).
    if (!(error instanceof SameError) || error.code === 'SAME1505') throw error;
    const wanted = `packages of environment ${name} for ${platform()}`;
    findings.push(
      ...error.findings.map((f) => ({ ...f, what: 'lock' as const, want: wanted, have: f.message })),
    );
  }
  try {
    await findInterpreter(environment.python.version, options.signal);
  } catch (error) {
    if (!(error instanceof SameError) || error.code !== 'SAME1501') throw error;
    const have = /\(found (.*)\)/.exec(error.findings[0]!.message)?.[1];
    const instead = have === undefined ? 'none' : `python ${have}`;
    findings.push(
      ...error.findings.map((f) => ({ ...f, what: 'interpreter' as const, want, have: instead })),
    );
  }
  return findings;
}

/** A program that declares no environments has one, the system's. @throws SAME1009, SAME1016 */
function environmentOf(name: string, program: Program): Environment {
  const environment =
    program.environments?.[name] ?? (name === 'default' ? { system: true as const } : undefined);
  if (!environment) throw new SameError({ code: 'SAME1009', message: `there is no environment "${name}"` });
  if (environment.python || environment.system || !environment.image) return environment;
  throw new SameError({
    code: 'SAME1016',
    message: `environments.${name}.image without a lock is not supported on this machine by this version of same`,
    hint: 'declare python with a lock, or system: true, beside the image',
  });
}

/** Where the packages of a python environment are pinned: its own `lock` file, else `same.lock` for this platform. */
async function lockedContents(
  name: string,
  python: NonNullable<Environment['python']>,
  { lock, readCode }: EnvironmentsOptions,
): Promise<PythonContents> {
  const { version } = python;
  if (python.lock !== undefined) {
    const bytes = await readCode(python.lock);
    if (bytes) return { python: version, packages: parseHashedRequirements(bytes, python.lock) };
    throw new SameError({
      code: 'SAME1505',
      message: `lock ${python.lock} of environment "${name}" is not in the program`,
      place: python.lock,
    });
  }
  if (python.requirements === undefined && python.packages === undefined)
    return { python: version, packages: [] };
  const entries = lock?.environments?.[name];
  const entry = entries?.[platform()];
  if (entry?.python === version)
    return { python: version, packages: entry.packages satisfies LockedPackage[] };
  const known = Object.keys(entries ?? {}).sort();
  if (entry || known.length === 0) {
    const because = entry ? `locked for python ${entry.python}, not ${version}` : 'not locked';
    throw new SameError({
      code: 'SAME1503',
      message: `environment "${name}" is ${because}`,
      hint: 'lock it in the folder of the source with: same lock',
    });
  }
  throw new SameError({
    code: 'SAME1504',
    message: `environment "${name}" is locked for ${known.join(', ')}, not for ${platform()}`,
    hint: 'lock it on this machine in the folder of the source with: same lock',
  });
}

interface Commands {
  path: string[];
  /** Version line, or digest of its file, by command. */
  frozen: Record<string, string>;
  findings: EnvironmentFinding[];
}

/**
 * Finds what `requires.commands` names, and of a system environment also what its steps start with: they are part of
 * what decides a result, declared or not.
 */
async function findCommands(
  name: string,
  environment: Environment,
  options: EnvironmentsOptions,
  declaredOnly = false,
): Promise<Commands> {
  const { signal } = options;
  const required = (environment.requires?.commands ?? []).map(parseCommandRequirement);
  const used = environment.python || declaredOnly ? [] : commandsOfSteps(name, options.program);
  if (required.length === 0 && (environment.python || declaredOnly)) {
    return { path: standardPath(), frozen: {}, findings: [] };
  }
  const names = [...required.map((command) => command.name), ...used];
  const path = await systemPath(names, signal);
  const findings: EnvironmentFinding[] = [];
  const frozen: JsonObject = {};
  const directories = new Set<string>();
  const checked = required.map(async ({ name: command, want, bounds }) => {
    const file = locateCommand(command, path);
    const found = file && (await describeCommand(file, signal));
    if (file) directories.add(file.slice(0, file.lastIndexOf('/')) || '/');
    const met =
      found && (bounds.length === 0 || (found.version !== undefined && satisfies(found.version, bounds)));
    if (found && (met || options.allowUnmet)) frozen[command] = found.line ?? fileDigest(found.path);
    if (!met)
      findings.push(
        unmetCommand(command, want, found ? (found.version ?? 'a version it does not tell') : 'none'),
      );
  });
  const looked = used.map(async (command) => {
    const file = locateCommand(command, path);
    if (file && !required.some((declared) => declared.name === command)) {
      frozen[command] = await freezeCommand(file, signal);
    }
  });
  await Promise.all([...checked, ...looked]);
  findings.sort((a, b) => (a.message < b.message ? -1 : 1));
  return {
    path: environment.python ? [...new Set([...standardPath(), ...directories])] : path,
    frozen: Object.fromEntries(Object.entries(frozen).sort(([a], [b]) => (a < b ? -1 : 1))) as Record<
      string,
      string
    >,
    findings,
  };
}

function unmetCommand(command: string, want: string, have: string): EnvironmentFinding {
  return {
    code: 'SAME1701',
    message: `command ${command}: want ${want === '' ? 'any version' : want}, have ${have}`,
    what: 'command',
    want: want === '' ? command : `${command} ${want}`,
    have: have === 'none' ? 'none' : `${command} ${have}`,
    hint: `install ${command}${want === '' ? '' : ` ${want}`} and put it on PATH`,
  };
}

/** Words that steps of one environment start commands with: plain names only, no files of the program. */
function commandsOfSteps(environment: string, program: Program): string[] {
  const steps = [...Object.values(program.pipeline.steps), ...Object.values(program.pipeline.finally ?? {})];
  const words = steps
    .filter((step) => (step.environment ?? 'default') === environment)
    .flatMap(({ run }) =>
      typeof run === 'string'
        ? run.split(/&&|\|\||[|;\n]/).map(
            (part) =>
              part
                .trim()
                .replace(/^(?:[A-Za-z_]\w*=\S*\s+)+/, '')
                .split(/\s/)[0]!,
          )
        : [run[0]!],
    );
  return [...new Set(words)].filter((word) => /^[A-Za-z0-9_+][A-Za-z0-9_+.-]*$/.test(word)).sort();
}
