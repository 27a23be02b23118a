import type { Limits } from './oci.ts';

/** How users name each limit (spec SAME-BND-042). */
export const LIMIT_NAMES: Record<keyof Limits, string> = {
  unpackedBytes: 'unpacked',
  ratio: 'ratio',
  entries: 'entries',
  pathBytes: 'path',
  pathSegments: 'depth',
  paxBytes: 'pax',
  jsonBytes: 'json',
  yamlBytes: 'yaml',
};

/** Of what is stored: limits may have been raised to let it in, and cost nobody anything now. */
export const NO_LIMITS: Limits = {
  ratio: Number.POSITIVE_INFINITY,
  unpackedBytes: Number.POSITIVE_INFINITY,
  entries: Number.POSITIVE_INFINITY,
  pathBytes: Number.POSITIVE_INFINITY,
  pathSegments: Number.POSITIVE_INFINITY,
  paxBytes: Number.POSITIVE_INFINITY,
  jsonBytes: Number.POSITIVE_INFINITY,
  yamlBytes: Number.POSITIVE_INFINITY,
};
