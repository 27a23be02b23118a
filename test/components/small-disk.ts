import { type SpawnSyncReturns, spawnSync } from 'node:child_process';

/** Runs a module's text in a process whose files may not grow over 8 KiB, as on a disk that is nearly full. */
export function withSmallFiles(module: string, ...words: string[]): SpawnSyncReturns<string> {
  const script = 'ulimit -f 16 && exec "$0" --input-type=module -e "$@"';
  // In sh the limit counts blocks of 512 bytes.
  return spawnSync('sh', ['-c', script, process.execPath, module, ...words], { encoding: 'utf8' });
}
