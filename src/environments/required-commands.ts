import type { JsonObject } from '../program/json.ts';
import type { Environment, Program } from '../program/schema.ts';
import {
  describeCommand,
  fileDigest,
  freezeCommand,
  locateCommand,
  parseCommandRequirement,
  satisfies,
} from './command.ts';
import type { EnvironmentFinding } from './environment.ts';
import { standardPath, systemPath } from './system-path.ts';

/** The commands of an environment as they are on this machine. */
export interface Commands {
  /** Directories of commands, for the steps' PATH. */
  path: string[];
  /** Version line, or digest of its file, by command. */
  frozen: Record<string, string>;
  /** Names that `requires` has. */
  declared: string[];
  /** Those that are missing or of another version. */
  findings: EnvironmentFinding[];
}

/**
 * Finds what `requires.commands` names, and of a system environment also what its steps start with: they are part of
 * what decides a result, declared or not.
 */
export async function findCommands(
  name: string,
  environment: Environment,
  options: { program: Program; allowUnmet?: boolean; signal?: AbortSignal },
  declaredOnly = false,
): Promise<Commands> {
  const { signal } = options;
  const required = (environment.requires?.commands ?? []).map(parseCommandRequirement);
  const used = environment.system && !declaredOnly ? commandsOfSteps(name, options.program) : [];
  if (required.length === 0 && (!environment.system || declaredOnly)) {
    return { path: standardPath(), frozen: {}, declared: [], findings: [] };
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
    path: environment.system ? path : [...new Set([...standardPath(), ...directories])],
    frozen: Object.fromEntries(Object.entries(frozen).sort(([a], [b]) => (a < b ? -1 : 1))) as Record<
      string,
      string
    >,
    declared: required.map(({ name: command }) => command),
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
  const words = new Set<string>();
  for (const steps of [program.pipeline.steps, program.pipeline.finally ?? {}]) {
    for (const { run, environment: own = 'default' } of Object.values(steps)) {
      // Many steps start with the same word.
      if (own !== environment || (typeof run !== 'string' && words.has(run[0]!))) continue;
      for (const word of commandWords(run)) words.add(word);
    }
  }
  return [...words].sort();
}

/** The words that a step's command starts others with: plain names only, no files of the program. */
export function commandWords(run: string | string[]): string[] {
  const words = typeof run === 'string' ? firstWords(run) : [run[0]!];
  return words.filter((word) => /^[A-Za-z0-9_+][A-Za-z0-9_+.-]*$/.test(word));
}

/** What the commands of a shell's text start with, variables that are set before left out. */
function firstWords(text: string): string[] {
  return text.split(/&&|\|\||[|;\n]/).map(
    (part) =>
      part
        .trim()
        .replace(/^(?:[A-Za-z_]\w*=\S*\s+)+/, '')
        .split(/\s/)[0]!,
  );
}
