import { createHash } from 'node:crypto';
import { canonicalJson } from '../bundle/canonical-json.ts';
import { paddingOf, tarHeader } from '../bundle/tar-header.ts';
import { closeSync, fsyncSync, join, openSync, renameSync, rmSync, writeFully } from '../host/files.ts';
import { ownName } from '../host/process-identity.ts';
import type { JsonValue } from '../program/json.ts';
import { LIST, type PackedRun, readPackedRun, readPackList, SEALING } from './run-packs.ts';

/** A run as it goes into a pack. */
export interface Member extends Omit<PackedRun, 'at'> {
  bytes: Buffer;
}

/**
 * Writes a pack and reads it again; when this returns it is on the disk.
 * @param month the directory
 * @param beforeNamed called when it is written but not yet one of the month's packs
 */
export function writePack(
  month: string,
  members: readonly Member[],
  beforeNamed: () => void = () => {},
): void {
  let at = 0;
  const runs = members.map(({ bytes, ...member }): PackedRun => {
    const run = { ...member, at };
    at += bytes.length;
    return run;
  });
  const list = Buffer.from(
    `${canonicalJson({ apiVersion: 'same/v1', kind: 'RunPack', runs } as unknown as JsonValue)}\n`,
  );
  const began = (id: string) => id.slice(0, 8) + id.slice(9, 13);
  const ids = members.map(({ id }) => id).sort();
  const name = `pack-${began(ids[0]!)}-${began(ids.at(-1)!)}-${sha256(list).slice(0, 32)}.tar`;
  const temporary = join(month, `${SEALING}${ownName()}`);
  try {
    const fd = openSync(temporary, 'wx', 0o644);
    try {
      writeFully(fd, tarHeader(LIST, false, list.length));
      writeFully(fd, list);
      writeFully(fd, Buffer.alloc(paddingOf(list.length)));
      for (const { bytes } of members) writeFully(fd, bytes);
      // What ends an archive.
      writeFully(fd, Buffer.alloc(1024));
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    beforeNamed();
    renameSync(temporary, join(month, name));
  } finally {
    rmSync(temporary, { force: true });
  }
  syncDirectory(month);
  const written = readPackList(join(month, name))!;
  for (const run of written.runs.values()) readPackedRun(join(month, name), written, run);
}

/** Names are on the disk when their directory is. */
export function syncDirectory(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** SHA-256 in hexadecimal digits. */
export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
