import { SameError } from '../errors/same-error.ts';
import {
  dirname,
  join,
  makeDirectories,
  mkdtempSync,
  readFileSync,
  removeTree,
  writeFileSync,
} from '../host/files.ts';
import type { PythonLock } from '../program/lock.ts';
import type { Environment } from '../program/schema.ts';
import {
  type LockedPackage,
  normalisedName,
  parseHashedRequirements,
  sortPackages,
} from './hashed-requirements.ts';
import { findInterpreter, type Interpreter } from './interpreter.ts';
import { openRequirements } from './open-requirements.ts';
import { lastLines, runTool, stopIfAborted } from './tool-process.ts';

/** What {@link lockPython} needs beside the environment. */
export interface LockPythonOptions {
  /** Bytes of a program file, or undefined when there is none. */
  readFile(path: string): Promise<Buffer | undefined>;
  /** A directory that may be written; nothing is left in it. */
  workDirectory: string;
  /** Where downloads are kept; without one they are not. */
  cacheDirectory?: string;
  /** Accept packages that have to be built, which executes their code. */
  allowBuild?: boolean;
  onProgress?(line: string): void;
  signal?: AbortSignal;
}

const RESOLVE_TIMEOUT_MS = 20 * 60_000;

/**
 * Resolves what an environment leaves open (`requirements` or `packages`) to exact versions with hashes for this
 * platform; downloads what it needs to know, installs nothing.
 * @throws SAME1501 no interpreter, SAME1502 cannot be resolved, SAME1505 names what a lock cannot hold
 */
export async function lockPython(
  environment: Environment,
  options: LockPythonOptions,
): Promise<Pick<PythonLock, 'python' | 'packages'>> {
  const { python } = environment;
  if (!python) throw new TypeError('lockPython needs a python environment');
  const interpreter = await findInterpreter(python.version, options.signal);
  makeDirectories(options.workDirectory);
  const directory = mkdtempSync(join(options.workDirectory, 'lock-'));
  try {
    const { root, files } = await openRequirements(python, options.readFile);
    for (const [path, bytes] of files) {
      makeDirectories(dirname(join(directory, path)));
      writeFileSync(join(directory, path), bytes);
    }
    options.onProgress?.(`resolving packages for python ${interpreter.version}`);
    const packages = await resolvePackages(interpreter, directory, root, options);
    return { python: python.version, packages: sortPackages(packages) };
  } finally {
    removeTree(directory);
  }
}

async function resolvePackages(
  interpreter: Interpreter,
  directory: string,
  root: string,
  options: LockPythonOptions,
): Promise<LockedPackage[]> {
  const pip = await pipCommand(interpreter, directory, options);
  const { cacheDirectory, signal } = options;
  const tool = { cwd: directory, timeoutMs: RESOLVE_TIMEOUT_MS, cacheDirectory, signal };
  const wheels = options.allowBuild ? [] : ['--only-binary', ':all:'];
  if (pip) {
    const report = join(directory, 'report.json');
    const wanted = [
      '--dry-run',
      '--ignore-installed',
      '--no-input',
      '--quiet',
      ...wheels,
      '--report',
      report,
    ];
    const result = await runTool([...pip, 'install', ...wanted, '-r', root], tool);
    if (result.exitCode !== 0) throw unresolved(interpreter, lastLines(result));
    return packagesOfReport(JSON.parse(readFileSync(report, 'utf8')));
  }
  const wanted = ['--generate-hashes', '--no-header', '--no-annotate', '--quiet', ...wheels];
  const result = await runTool(
    ['uv', 'pip', 'compile', '--python', interpreter.executable, ...wanted, root],
    tool,
  );
  if (result.exitCode !== 0) throw unresolved(interpreter, lastLines(result));
  return parseHashedRequirements(Buffer.from(result.stdout), 'uv pip compile');
}

/**
 * How to call a pip that can report what it resolved (22.2 and later): the interpreter's own, else one in a
 * throw-away virtual environment. Undefined means: use uv.
 */
async function pipCommand(
  interpreter: Interpreter,
  directory: string,
  { signal }: LockPythonOptions,
): Promise<string[] | undefined> {
  if (interpreter.pipRunner) return [interpreter.executable, '-m', 'pip'];
  const uv = await runTool(['uv', '--version'], { timeoutMs: 30_000, signal });
  if (uv.exitCode === 0) return undefined;
  if (interpreter.venv && interpreter.ensurepip) {
    const throwAway = join(directory, 'venv');
    const made = await runTool([interpreter.executable, '-m', 'venv', throwAway], {
      timeoutMs: 300_000,
      signal,
    });
    const python = join(throwAway, 'bin', 'python');
    const asked =
      made.exitCode === 0 &&
      (await runTool([python, '-m', 'pip', '--version'], { timeoutMs: 30_000, signal }));
    const [, major, minor] = (asked && /^pip (\d+)\.(\d+)/.exec(asked.stdout)) || [];
    if (Number(major) * 100 + Number(minor) >= 2202) return [python, '-m', 'pip'];
  }
  stopIfAborted(signal);
  throw new SameError({
    code: 'SAME1502',
    message: `python ${interpreter.version} has no pip of version 22.2 or later to resolve packages with`,
    hint: 'install pip for it (python3-pip or python3-venv), or uv; or declare a hashed requirements file as lock:',
  });
}

interface PipReport {
  install: {
    is_direct?: boolean;
    metadata: { name: string; version: string };
    download_info: { archive_info?: { hash?: string; hashes?: Record<string, string> } };
  }[];
}

/** Packages of pip's installation report (version 1): hashes only, never where a file came from. */
function packagesOfReport(report: PipReport): LockedPackage[] {
  return report.install.map(({ metadata, download_info, is_direct }) => {
    const { hash, hashes } = download_info.archive_info ?? {};
    const sha256 = hashes?.sha256 ?? /^sha256=([0-9a-f]{64})$/.exec(hash ?? '')?.[1];
    if (is_direct || !sha256) {
      throw new SameError({
        code: 'SAME1505',
        message: `package ${metadata.name} comes from a URL or path, which a lock cannot hold`,
        hint: 'name it by version from a package index, or carry its source in the program',
      });
    }
    return { name: normalisedName(metadata.name), version: metadata.version, hashes: [`sha256:${sha256}`] };
  });
}

function unresolved(interpreter: Interpreter, said: string): SameError {
  const hint = /No matching distribution|Could not find a version|No solution found/.test(said)
    ? `only wheels for python ${interpreter.minor} on this platform are used; check names and versions`
    : 'check the requirements, the network and your pip configuration (proxy, index, certificates)';
  return new SameError({ code: 'SAME1502', message: `packages cannot be resolved:\n${said}`, hint });
}
