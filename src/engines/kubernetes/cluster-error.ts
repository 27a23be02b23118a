import type { ErrorCode } from '../../errors/catalogue.ts';
import { SameError } from '../../errors/same-error.ts';
import type { ClusterWhy } from './cluster.ts';

/** What the API says when it does not do what it was asked for (`kind: Status`). */
export interface ApiStatus {
  code?: number;
  reason?: string;
  message?: string;
  details?: { causes?: { reason?: string; message?: string }[] };
}

const CODES: Partial<Record<ClusterWhy, ErrorCode>> = {
  unreachable: 'SAME1703',
  busy: 'SAME1703',
  other: 'SAME1703',
  login: 'SAME1704',
  forbidden: 'SAME1704',
};

/**
 * An answer that is no success, as an error of the port: the API's own message, behind what was asked.
 * @param asked `create jobs in namespace team`
 */
export function refusedByCluster(asked: string, httpStatus: number, text: string): SameError {
  const status = statusOf(text);
  const why = whyOfStatus(httpStatus, status);
  const said = status?.message ?? `it answered ${httpStatus}`;
  return clusterError(why, `the cluster does not ${asked}: ${said}`, undefined, httpStatus);
}

/** @param why decides the code */
export function clusterError(
  why: ClusterWhy,
  message: string,
  cause?: unknown,
  httpStatus?: number,
): SameError {
  const hints: Partial<Record<ClusterWhy, string>> = {
    unreachable: 'is this the context that you mean? kubectl config current-context',
    login: 'log in to the cluster again, as kubectl would have to',
    forbidden: 'the rights that are needed are printed by: same describe engine NAME --rbac',
  };
  return new SameError(
    { code: CODES[why] ?? 'SAME1705', message, ...(hints[why] ? { hint: hints[why] } : {}) },
    { cause, details: { clusterWhy: why, ...(httpStatus === undefined ? {} : { status: httpStatus }) } },
  );
}

/** Of a connection that was not made, or broke. */
export function unreachable(server: string, error: unknown): SameError {
  const { code, message, errors } = error as NodeJS.ErrnoException & { errors?: NodeJS.ErrnoException[] };
  const cut = message === 'aborted' ? 'the connection broke off' : message;
  const said = cut || errors?.[0]?.message || code || 'no connection';
  return clusterError('unreachable', `the cluster at ${server} cannot be reached: ${said}`, error);
}

/** `too old resource version` comes as a line of a watch that began well. */
export function brokenWatch(asked: string, status: ApiStatus): SameError {
  return clusterError(
    whyOfStatus(status.code ?? 0, status),
    `the cluster does not ${asked}: ${status.message}`,
  );
}

function statusOf(text: string): ApiStatus | undefined {
  try {
    return JSON.parse(text) as ApiStatus;
  } catch {
    return text.trim() === '' ? undefined : { message: text.trim().slice(0, 500) };
  }
}

function whyOfStatus(httpStatus: number, status: ApiStatus | undefined): ClusterWhy {
  if (httpStatus === 401) return 'login';
  if (httpStatus === 403) return /exceeded quota/.test(status?.message ?? '') ? 'quota' : 'forbidden';
  if (httpStatus === 404) return 'missing';
  if (httpStatus === 409) return status?.reason === 'AlreadyExists' ? 'exists' : 'conflict';
  if (httpStatus === 410) return 'expired';
  if (httpStatus === 429 || httpStatus >= 500) return 'busy';
  return httpStatus >= 400 ? 'invalid' : 'other';
}
