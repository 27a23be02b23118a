import { createHash } from 'node:crypto';
import { SameError } from '../errors/same-error.ts';
import { basename, join, readFileSync, realpathSync } from '../host/files.ts';
import { isExecutable } from './interpreter.ts';
import { runTool } from './tool-process.ts';

/** One entry of `requires.commands`: a command and the versions that will do, all of them. */
export interface CommandRequirement {
  name: string;
  /** For instance `>=4.2 <5`; empty when any version will do. */
  want: string;
  bounds: { operator: string; version: string }[];
}

/** A command as it is on this machine. */
export interface FoundCommand {
  path: string;
  /** The dotted number in {@link line}, when it tells one. */
  version?: string;
  /** What it says of its version, one line. */
  line?: string;
}

const VERSION_TIMEOUT_MS = 20_000;
const numberPattern = /\d+(?:\.\d+)+|\b\d+\b/;

// Asked differently than by `--version`, or something that must not be asked at all because it would read or wait.
const askedBy: Record<string, string[][]> = {
  awk: [['--version'], ['-W', 'version']],
  mawk: [['-W', 'version'], ['--version']],
  java: [['-version']],
  javac: [['-version']],
  go: [['version']],
  ssh: [['-V']],
  openssl: [['version']],
  sh: [],
  dash: [],
};

/** Commands that are known to answer `--version` and do nothing else: only these are asked without being declared. */
const knownToAnswer = new Set(
  'R Rscript awk bash bun cargo clang cmake curl deno g++ gawk gcc gfortran git go java javac julia jq lua make mawk node npm octave octave-cli openssl perl php pip pip3 python python2 python3 ruby rustc sed sqlite3 tar uv zsh'.split(
    ' ',
  ),
);

/** The words, one set after another, by which a command is asked for its version; none where it must not be asked. */
export function versionWords(name: string): string[][] {
  return askedBy[name] ?? [['--version']];
}

/** The first number in the first line that has one. */
export function versionIn(text: string): string | undefined {
  return numberPattern.exec(text)?.[0];
}

/** Reads `NAME`, `NAME >=4.2` or `NAME >=4.2 <5`. @throws SAME1005 */
export function parseCommandRequirement(text: string): CommandRequirement {
  const match = /^\s*([A-Za-z0-9_+.-]+)((?:[\s,]*(?:>=|<=|==|!=|=|>|<)\s*v?\d+(?:\.\d+)*)*)\s*$/.exec(text);
  if (!match) {
    throw new SameError({
      code: 'SAME1005',
      message: `"${text}" is no command with version bounds`,
      hint: 'write for instance: Rscript >=4.2 <5 (operators >= > <= < == !=)',
    });
  }
  const bounds = [...match[2]!.matchAll(/(>=|<=|==|!=|=|>|<)\s*v?(\d+(?:\.\d+)*)/g)].map((bound) => ({
    operator: bound[1] === '=' ? '==' : bound[1]!,
    version: bound[2]!,
  }));
  return {
    name: match[1]!,
    want: bounds.map(({ operator, version }) => operator + version).join(' '),
    bounds,
  };
}

/**
 * Whether a version lies within all bounds. Numbers are compared part by part, missing parts are 0; `==4.2` and
 * `!=4.2` look only at as many parts as they name, so 4.2.3 is a 4.2.
 */
export function satisfies(version: string, bounds: CommandRequirement['bounds']): boolean {
  return bounds.every(({ operator, version: bound }) => {
    const parts = operator === '==' || operator === '!=' ? bound.split('.').length : undefined;
    const order = compareNumbers(version, bound, parts);
    if (operator === '>=') return order >= 0;
    if (operator === '<=') return order <= 0;
    if (operator === '>') return order > 0;
    if (operator === '<') return order < 0;
    return operator === '==' ? order === 0 : order !== 0;
  });
}

/** The first executable of this name in a list of directories. */
export function locateCommand(name: string, directories: readonly string[]): string | undefined {
  return directories.map((directory) => join(directory, name)).find(isExecutable);
}

const described = new Map<string, Promise<FoundCommand>>();

/** Asks a command for its version, once per process; a command that gives none is found all the same. */
export function describeCommand(path: string, signal?: AbortSignal): Promise<FoundCommand> {
  let answer = described.get(path);
  if (!answer) {
    answer = askVersion(path, signal);
    answer.catch(() => described.delete(path));
    described.set(path, answer);
  }
  return answer;
}

async function askVersion(path: string, signal?: AbortSignal): Promise<FoundCommand> {
  for (const words of askedBy[basename(path)] ?? [['--version']]) {
    const { exitCode, stdout, stderr } = await runTool([path, ...words], {
      timeoutMs: VERSION_TIMEOUT_MS,
      signal,
    });
    if (exitCode !== 0) continue;
    // Some versions of R and java answer on standard error.
    const lines = `${stdout}\n${stderr}`.split('\n').map((line) => line.trim());
    const line = lines.find((text) => numberPattern.test(text));
    if (line) {
      // pip says where it lies, which is no part of its version and names the user (spec SAME-RUN-010).
      const told = line.replace(/(^|[\s"'(=])\/[^\s"')]+/g, '$1…').slice(0, 200);
      return { path, version: numberPattern.exec(line)![0], line: told };
    }
  }
  return { path };
}

/** What identifies an undeclared command: its version where asking is known to be harmless, else its file's digest. */
export async function freezeCommand(path: string, signal?: AbortSignal): Promise<string> {
  const found = knownToAnswer.has(basename(path)) ? await describeCommand(path, signal) : { path };
  return found.line ?? fileDigest(path);
}

/** `sha256:…` of the file behind a command. */
export function fileDigest(path: string): string {
  return `sha256:${createHash('sha256')
    .update(readFileSync(realpathSync(path)))
    .digest('hex')}`;
}

function compareNumbers(a: string, b: string, parts?: number): number {
  const [left, right] = [a.split('.').map(Number), b.split('.').map(Number)];
  for (let i = 0; i < (parts ?? Math.max(left.length, right.length)); i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
