import type { Pin } from '../../content/content-store.ts';
import type { RemoteListedRun } from '../../operations/list-remote-runs.ts';
import type { RegistryAlias } from '../../program/registry-alias.ts';
import type { RunRow } from '../../runs/run-query.ts';
import { figure, plainLine, plainRecord, seconds, table } from './text.ts';

/** Stored programs as a table. */
export function renderPrograms(pins: readonly Pin[]): string {
  return table([
    ['NAME', 'VERSION', 'DIGEST', 'PINNED'],
    ...pins.map(({ name, version, digest, pin, pinnedAt }) => [
      name,
      version,
      digest.slice(0, 19),
      `${pinnedAt.slice(0, 16).replace('T', ' ')}${pin === 'soft' ? ' (soft)' : ''}`,
    ]),
  ]);
}

/** Aliases as a table. */
export function renderAliases(aliases: readonly RegistryAlias[]): string {
  return table([['ALIAS', 'ADDRESS'], ...aliases.map(({ name, address }) => [`oci://${name}`, address])]);
}

/** Runs in a registry as a table: what their annotations say. */
export function renderRemoteRuns(runs: readonly RemoteListedRun[]): string {
  return table([
    ['RUN', 'PROGRAM', 'STATUS', 'METRICS'],
    ...plainRecord(runs).map(({ id, status, metrics, digest, program }) => [
      id || digest.slice(0, 19),
      program.version === '' ? program.digest.slice(0, 19) : `${program.name}:${program.version}`,
      status || '?',
      metrics.split(' ').slice(0, 3).join(' '),
    ]),
  ]);
}

/**
 * Runs as a table, newest first; tags where one has any.
 * @param others what is said of those that are no runs of this home's own
 */
export function renderRuns(runs: readonly RunRow[], others = 'not yours'): string {
  const isTagged = runs.some(({ tags }) => Object.keys(tags).length > 0);
  return table([
    ['RUN', 'PROGRAM', 'STATUS', 'STARTED', 'TOOK', 'METRICS', ...(isTagged ? ['TAGS'] : [])],
    ...runs.map(({ own, elsewhere, durationMs, metrics, tags, ...run }) =>
      [
        run.id,
        `${run.program}:${run.version}`,
        `${run.status}${elsewhere ? ' elsewhere' : ''}${own ? '' : ` (${others})`}`,
        run.startedAt.slice(0, 16).replace('T', ' '),
        durationMs === undefined ? '' : seconds(durationMs),
        Object.entries(metrics)
          .slice(0, 3)
          .map(([name, value]) => `${name}=${figure(value)}`)
          .join(' '),
        ...(isTagged ? [renderTags(tags)] : []),
      ].map(plainLine),
    ),
  ]);
}

/** Tags on a line: `NAME` or `NAME=VALUE`. */
export function renderTags(tags: Readonly<Record<string, string>>): string {
  return Object.entries(tags)
    .map(([name, value]) => (value === '' ? name : `${name}=${value}`))
    .join(' ');
}
