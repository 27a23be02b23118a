import type { MadeReady } from '../../operations/build-environment.ts';
import type { Collected } from '../../operations/collect-garbage.ts';
import type { ListedEnvironment } from '../../operations/list-environments.ts';
import { formatBytes } from '../../program/quantity.ts';
import { table } from './text.ts';

/** Built environments as a table. */
export function renderEnvironments(environments: readonly ListedEnvironment[]): string {
  return table([
    ['ENVIRONMENT', 'IS', 'SIZE', 'USED', 'PROGRAMS'],
    ...environments.map(({ name, kind, version, sizeBytes, usedMs, programs }) => [
      `${name.slice(0, 12)}${name.slice(32)}`,
      `${kind} ${version}`,
      formatBytes(sizeBytes),
      new Date(usedMs).toISOString().slice(0, 16).replace('T', ' '),
      programs.length === 0 ? 'none' : programs.join(', '),
    ]),
  ]);
}

/** Environments that are ready, a line each. */
export function renderReady(ready: readonly MadeReady[]): string {
  return ready
    .map(({ name, kind, key, locked, resolved }) => {
      const packages = Object.keys((resolved.packages as object | undefined) ?? {}).length;
      const holds = packages === 0 ? '' : `, ${packages} ${packages === 1 ? 'package' : 'packages'}`;
      return `${name} is ready: ${kind}${holds}${locked ? '' : ', not locked'} (${key})`;
    })
    .join('\n');
}

/** What a collection removed or would remove, a line for each kind. */
export function renderCollected({
  blobs,
  environments,
  results,
  leftovers,
  sealed,
  kept,
}: Collected): string[] {
  const counted = (count: number, one: string, many: string) => `${count} ${count === 1 ? one : many}`;
  const lines = [
    `content     ${counted(blobs.count, 'blob', 'blobs')}, ${formatBytes(blobs.sizeBytes)}; ${counted(kept.count, 'blob', 'blobs')} kept, ${formatBytes(kept.sizeBytes)}`,
  ];
  for (const { name, kind, version, sizeBytes } of environments)
    lines.push(`environment ${name.slice(0, 12)} (${kind} ${version}), ${formatBytes(sizeBytes)}`);
  if (results > 0) lines.push(`results     ${counted(results, 'step', 'steps')} whose content is gone`);
  if (leftovers.count > 0)
    lines.push(
      `left behind ${counted(leftovers.count, 'thing', 'things')}, ${formatBytes(leftovers.sizeBytes)}`,
    );
  if (sealed.runs > 0)
    lines.push(`runs        ${sealed.runs} packed into ${counted(sealed.packs, 'file', 'files')}`);
  return lines;
}
