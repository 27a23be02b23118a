import { SameError } from '../errors/same-error.ts';
import { accessSync, constants, delimiter, isAbsolute, join, realpathSync, statSync } from '../host/files.ts';
import { environmentVariables } from '../host/processes.ts';
import { runTool } from './tool-process.ts';

/** A python that is there: the real executable, never a shim or a virtual environment. */
export interface Interpreter {
  executable: string;
  /** `3.11.7`. */
  version: string;
  /** `3.11`. */
  minor: string;
  /** Version of its pip, when it has one. */
  pip?: string;
  /** The script by which its pip works on another interpreter, a virtual environment of it (pip 22.3 and later). */
  pipRunner?: string;
  /** Whether it can make virtual environments, and put pip into them. */
  venv: boolean;
  ensurepip: boolean;
}

const PROBE_TIMEOUT_MS = 30_000;
const PROBE = `
import json, os, platform, sys
def there(name):
    try:
        __import__(name)
        return True
    except ImportError:
        return False
try:
    import pip
    runner = os.path.join(os.path.dirname(os.path.abspath(pip.__file__)), "__pip-runner__.py")
    runner = runner if os.path.isfile(runner) else None
    pip = pip.__version__
except Exception:
    pip = runner = None
print(json.dumps({
    "executable": getattr(sys, "_base_executable", None) or sys.executable,
    "version": platform.python_version(),
    "minor": "%d.%d" % sys.version_info[:2],
    "implementation": sys.implementation.name,
    "pip": pip,
    "runner": runner,
    "venv": there("venv"),
    "ensurepip": there("ensurepip"),
}))`;

const found = new Map<string, Promise<Interpreter>>();

/**
 * The interpreter of one `major.minor`: the PATH's own, then one that uv knows. Asked once per process.
 * @throws SAME1501
 */
export function findInterpreter(version: string, signal?: AbortSignal): Promise<Interpreter> {
  const key = `${version} ${environmentVariables().PATH ?? ''}`;
  let promise = found.get(key);
  if (!promise) {
    promise = search(version, signal);
    promise.catch(() => found.delete(key));
    found.set(key, promise);
  }
  return promise;
}

async function search(version: string, signal?: AbortSignal): Promise<Interpreter> {
  const others = new Set<string>();
  for (const candidate of candidates(version)) {
    const interpreter = await probeInterpreter(candidate, signal);
    if (interpreter?.minor === version) return interpreter;
    if (interpreter) others.add(interpreter.version);
  }
  const uv = await runTool(['uv', 'python', 'find', version], { timeoutMs: PROBE_TIMEOUT_MS, signal });
  const path = uv.stdout.trim();
  if (uv.exitCode === 0 && isAbsolute(path)) {
    const interpreter = await probeInterpreter(path, signal);
    if (interpreter?.minor === version) return interpreter;
  }
  const instead = others.size > 0 ? ` (found ${[...others].sort().join(', ')})` : '';
  throw new SameError({
    code: 'SAME1501',
    message: `python ${version} was not found on this machine${instead}`,
    hint: `put python${version} on PATH, for instance with your system's packages, or: uv python install ${version}`,
  });
}

/** Asks an executable what it is. @returns undefined when it is no CPython 3 that starts. */
export async function probeInterpreter(path: string, signal?: AbortSignal): Promise<Interpreter | undefined> {
  const told = await tell(path, signal);
  if (!told) return undefined;
  if (told.executable === path || !isExecutable(told.executable)) return { ...told, executable: path };
  // A shim or virtual environment: its base is asked itself, for it may have another pip.
  const base = await tell(told.executable, signal);
  return base?.minor === told.minor
    ? { ...base, executable: told.executable }
    : { ...told, executable: path };
}

async function tell(path: string, signal?: AbortSignal): Promise<Interpreter | undefined> {
  const result = await runTool([path, '-I', '-c', PROBE], { timeoutMs: PROBE_TIMEOUT_MS, signal });
  if (result.exitCode !== 0) return undefined;
  try {
    const { executable, version, minor, implementation, pip, runner, venv, ensurepip } = JSON.parse(
      result.stdout,
    );
    if (implementation !== 'cpython') return undefined;
    return {
      executable,
      version,
      minor,
      ...(pip === null ? {} : { pip }),
      ...(runner === null ? {} : { pipRunner: runner }),
      venv,
      ensurepip,
    };
  } catch {
    // Something else that happens to be called python.
    return undefined;
  }
}

function candidates(version: string): string[] {
  const directories = (environmentVariables().PATH ?? '').split(delimiter).filter((path) => isAbsolute(path));
  const paths = [`python${version}`, 'python3', 'python'].flatMap((name) =>
    directories.map((directory) => join(directory, name)).filter(isExecutable),
  );
  const seen = new Set<string>();
  return paths.filter((path) => {
    const real = realpathSync(path);
    return !seen.has(real) && seen.add(real);
  });
}

/** Whether a path is a file that this user may execute. */
export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
