import { SameError } from '../errors/same-error.ts';
import { join } from '../host/files.ts';
import { environmentVariables, runProcess } from '../host/processes.ts';

/** How one of our own tools (an interpreter, pip, uv) is run. */
export interface ToolOptions {
  cwd?: string;
  input?: string;
  timeoutMs: number;
  /** Downloads are kept below it; without one pip keeps none. */
  cacheDirectory?: string;
  /** Variables beside the user's, over them. */
  variables?: Record<string, string>;
  /** These variables and none of the user's. */
  only?: Record<string, string>;
  signal?: AbortSignal;
}

/** What a tool said. */
export interface ToolResult {
  /** -1 when it was killed or could not be started. */
  exitCode: number;
  stdout: string;
  stderr: string;
}

const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

// These would make an interpreter or pip read or write somewhere else than where we say.
const removed =
  /^(SAME_.*|PYTHON(PATH|HOME|STARTUP|USERBASE|PLATLIBDIR|INSPECT|OPTIMIZE)|VIRTUAL_ENV|__PYVENV_LAUNCHER__|PIP_(TARGET|PREFIX|ROOT|USER|REQUIREMENT|CONSTRAINT|PYTHON|REPORT|DRY_RUN|REQUIRE_VIRTUALENV|ONLY_BINARY|NO_BINARY|NO_DEPS|REQUIRE_HASHES|PLATFORM|QUIET|VERBOSE|LOG|ISOLATED)|UV_(PYTHON|SYSTEM_PYTHON|PROJECT.*|TARGET|CONSTRAINT|OVERRIDE|REQUIRE_HASHES)|NODE_(PATH|OPTIONS)|npm_(?!config_).*|npm_config_(prefix|global|local_prefix|omit|include|production|only|dry_run|package_lock.*|workspace.*))$/;

/**
 * The variables our own tools see: the user's (pip configuration, proxies, certificates), without those that would
 * redirect an interpreter, and never a program's.
 */
export function toolVariables(cacheDirectory?: string): Record<string, string> {
  const own = Object.entries(environmentVariables()).filter(([name]) => !removed.test(name));
  const variables = Object.fromEntries(own);
  const cache: Record<string, string> =
    cacheDirectory === undefined
      ? { PIP_NO_CACHE_DIR: '1', UV_NO_CACHE: '1' }
      : {
          PIP_CACHE_DIR: variables.PIP_CACHE_DIR ?? join(cacheDirectory, 'pip'),
          UV_CACHE_DIR: variables.UV_CACHE_DIR ?? join(cacheDirectory, 'uv'),
        };
  return {
    ...variables,
    ...cache,
    PIP_DISABLE_PIP_VERSION_CHECK: '1',
    PIP_NO_COLOR: '1',
    // Over a `user = true` or `require-virtualenv = true` in a configuration file.
    PIP_USER: '0',
    PIP_REQUIRE_VIRTUALENV: '0',
    PYTHONDONTWRITEBYTECODE: '1',
    PYTHONUTF8: '1',
    UV_PYTHON_DOWNLOADS: 'never',
  };
}

/**
 * Runs one of our own tools to its end; a failure is a value.
 * @throws SAME1903 when the signal aborted
 */
export async function runTool(command: string[], options: ToolOptions): Promise<ToolResult> {
  const { cwd, input, timeoutMs, signal } = options;
  stopIfAborted(signal);
  try {
    const { exitCode, stdout, stderr } = await runProcess(command, {
      ...(cwd === undefined ? {} : { cwd }),
      env: options.only ?? { ...toolVariables(options.cacheDirectory), ...options.variables },
      input: input ?? '',
      timeoutMs,
      maxOutputBytes: MAX_OUTPUT_BYTES,
      ...(signal ? { signal } : {}),
    });
    stopIfAborted(signal);
    return { exitCode: exitCode ?? -1, stdout: String(stdout), stderr: String(stderr) };
  } catch (error) {
    stopIfAborted(signal);
    return { exitCode: -1, stdout: '', stderr: error instanceof Error ? error.message : String(error) };
  }
}

/** @throws SAME1903 when the signal aborted. */
export function stopIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new SameError({ code: 'SAME1903', message: 'interrupted; nothing was changed' });
}

/** The end of what a tool said, for a message: notices and credentials left out. */
export function lastLines(result: ToolResult, count = 6): string {
  const lines = (result.stderr.trim() === '' ? result.stdout : result.stderr)
    .split('\n')
    .map((line) => line.trimEnd().replace(/(:\/\/)[^/@\s]*@/g, '$1'))
    .filter((line) => line.trim() !== '' && !/^(WARNING|DEPRECATION|\[notice\])/.test(line.trim()));
  return lines.slice(-count).join('\n');
}
