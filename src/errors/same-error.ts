import { catalogue, type ErrorCode } from './catalogue.ts';

/** One problem: what is wrong, where, and what to do. Several are reported together by one {@link SameError}. */
export interface Finding {
  code: ErrorCode;
  /** What happened, to what, why: one line without the code. */
  message: string;
  /** `file:line:column`, a flag, a path: where the user can look. */
  place?: string;
  /** The next thing to do, preferably a command. */
  hint?: string;
  /** Clause of the spec, for instance `SAME-PRG-012`. */
  clause?: string;
}

/** The one error class: carries every problem found, each with a permanent code. */
export class SameError extends Error {
  readonly code: ErrorCode;
  readonly findings: readonly Finding[];
  /** Machine-readable extras for `--json`, never secrets. */
  readonly details: Record<string, unknown>;

  /** The command is built as several files, each with a copy of this class: they know each other's errors by name. */
  static override [Symbol.hasInstance](value: unknown): value is SameError {
    return value instanceof Error && value.name === 'SameError' && 'findings' in value;
  }

  constructor(
    findings: Finding | readonly Finding[],
    options: { cause?: unknown; details?: Record<string, unknown> } = {},
  ) {
    const list: readonly Finding[] = Array.isArray(findings) ? findings : [findings as Finding];
    const first = list[0];
    if (!first) throw new TypeError('SameError needs at least one finding');
    super(list.map((f) => `${f.code} ${f.message}`).join('\n'), { cause: options.cause });
    this.name = 'SameError';
    this.code = first.code;
    this.findings = list;
    this.details = options.details ?? {};
  }

  /** The exit code of the first problem, from the catalogue. */
  get exitCode(): number {
    return catalogue[this.code].exit;
  }
}

/** Throws one {@link SameError} with all findings when there are any. */
export function throwFindings(findings: readonly Finding[]): void {
  if (findings.length > 0) throw new SameError(findings);
}
