import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { lstatSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openPorts } from '../../src/cli/wiring.ts';
import { openDiskContentStore } from '../../src/content/disk-content-store.ts';
import { openDiskPins } from '../../src/content/disk-pins.ts';
import { openDiskReferrers } from '../../src/content/disk-referrers.ts';
import { openPartialDownloads } from '../../src/content/partial-downloads.ts';
import { openLookingContentStore, openStagedContentStore } from '../../src/content/staged-content-store.ts';
import { openUserFiles } from '../../src/host/user-files.ts';
import type { Ports } from '../../src/operations/ports.ts';
import { openDiskRunStore } from '../../src/runs/disk-run-store.ts';

let adapters: Ports | undefined;

/** Adapters that belong to no home, made once because they listen for signals. */
function sharedAdapters(): Ports {
  const nothing = () => {};
  adapters ??= openPorts({
    say: nothing,
    print: nothing,
    printJson: nothing,
    json: true,
    quiet: true,
    live: false,
    colour: false,
    exitCode: 0,
    stopping: '',
    warnings: [],
    ports: () => assert.fail('unused'),
    open: () => assert.fail('unused'),
  });
  return adapters;
}

/** What operations need, over a home on the disk. Whatever they warn of is a failure. */
export function openHome(home: string, variables: Record<string, string> = {}): Ports {
  const content = openDiskContentStore(join(home, 'content'));
  return {
    ...sharedAdapters(),
    home,
    content,
    lookIntoContent: () => openLookingContentStore(content),
    stageContent: (directory) =>
      openStagedContentStore(content, openDiskContentStore(join(directory, 'staged'))),
    downloads: openPartialDownloads(join(home, 'cache', 'downloads')),
    pins: openDiskPins(join(home, 'content')),
    referrers: openDiskReferrers(join(home, 'content')),
    runs: openDiskRunStore(join(home, 'runs'), ({ message }) => assert.fail(message)),
    files: openUserFiles(home),
    variables,
    warn: ({ message }) => assert.fail(message),
  };
}

/** Does something in a directory of its own, which is gone afterwards. */
export async function inDirectory<T>(work: (directory: string) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'same-properties-'));
  try {
    return await work(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Everything below a directory by path: type and mode, and of what is no directory itself, time and content. */
export function everythingBelow(directory: string): Record<string, string> {
  const all: Record<string, string> = {};
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const { mode, mtimeMs } = lstatSync(path);
    const below = path.slice(directory.length + 1);
    all[below] = mode.toString(8);
    if (entry.isDirectory()) continue;
    const content = entry.isSymbolicLink() ? readlinkSync(path) : readFileSync(path);
    all[below] += ` ${mtimeMs} ${createHash('sha256').update(content).digest('hex')}`;
  }
  return all;
}
