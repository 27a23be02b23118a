import type { Pin } from '../../content/content-store.ts';
import type { RemoteListedRun } from '../../operations/list-remote-runs.ts';
import type { RegistryAlias } from '../../program/registry-alias.ts';
import type { StoredRun } from '../../runs/run-store.ts';
import { figure, plainRecord, seconds, table } from './text.ts';

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

/** Runs as a table, newest first. */
export function renderRuns(runs: readonly StoredRun[]): string {
  return table([
    ['RUN', 'PROGRAM', 'STATUS', 'STARTED', 'TOOK', 'METRICS'],
    ...runs.map(({ own, elsewhere, ...run }) => {
      const record = plainRecord(run.record);
      return [
        record.id,
        `${record.program.name}:${record.program.version}`,
        `${record.status}${elsewhere ? ' elsewhere' : ''}${own ? '' : ' (not yours)'}`,
        record.startedAt.slice(0, 16).replace('T', ' '),
        typeof record.usage?.durationMs === 'number' ? seconds(record.usage.durationMs) : '',
        // A listing shows damaged records too, as far as they go.
        record.metrics
          .filter(({ name, value }) => typeof name === 'string' && typeof value === 'number')
          .slice(0, 3)
          .map(({ name, value }) => `${name}=${figure(value)}`)
          .join(' '),
      ];
    }),
  ]);
}
