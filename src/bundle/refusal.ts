import type { ErrorCode } from '../errors/catalogue.ts';
import { type Finding, SameError } from '../errors/same-error.ts';
import { LIMIT_NAMES } from './limits.ts';
import type { Limits } from './oci.ts';

/** What breaks a clause of the chapter bundle: SAME1302 unless another code is given (SAME-BND-052). */
export function refusal(
  clause: string,
  message: string,
  more: { code?: ErrorCode; place?: string; hint?: string; cause?: unknown } = {},
): SameError {
  const { code = 'SAME1302', cause, ...rest } = more;
  return new SameError({ code, message, ...rest, clause }, { cause });
}

/** What is over a limit, with the way to raise it (SAME-BND-034, SAME-BND-042). */
export function overLimit(limit: keyof Limits, message: string, place?: string): SameError {
  return new SameError({
    code: 'SAME1304',
    message,
    ...(place === undefined ? {} : { place }),
    hint: `if you trust it, raise the limit for this call: --limit ${LIMIT_NAMES[limit]}=VALUE`,
    clause: 'SAME-BND-034',
  });
}

/** Where problems go: a reader that stops at the first throws it, one that looks for all keeps it. */
export type Report = (problem: SameError) => void;

/** Stops at the first problem. */
export const stopAtFirst: Report = (problem) => {
  throw problem;
};

/** Whether an error says what is wrong with what was read, not that reading was interrupted or a disk failed. */
export function isProblem(error: unknown): error is SameError {
  return error instanceof SameError && /^SAME1([0-3]|505|612)/.test(error.code);
}

/** A problem with the place and the clause that its thrower did not know. */
export function placed(problem: SameError, known: Pick<Finding, 'place' | 'clause'>): SameError {
  return new SameError(
    problem.findings.map((finding) => {
      const place = finding.place ?? known.place;
      const clause = finding.clause ?? known.clause;
      return {
        ...finding,
        ...(place === undefined ? {} : { place }),
        ...(clause === undefined ? {} : { clause }),
      };
    }),
    { cause: problem.cause, details: problem.details },
  );
}
