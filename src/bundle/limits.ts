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
