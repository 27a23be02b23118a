import { resolve } from 'node:path';

/** A way to do what a row is about. */
export interface Contestant {
  what: string;
  role: 'floor' | 'same' | 'peer';
  /** Run one after another, and measured together. */
  commands: string[][];
  /** Run before each turn, not measured. */
  between?: string[][];
  /** Greatest ratio to the floor. */
  target?: number;
  /** The most CPU seconds, where a row has no floor that does the like. */
  mostSeconds?: number;
  /** The most memory that any of the commands may have resident at once, in bytes; measured in the turn that does not count. */
  mostBytes?: number;
  /** Commands that must be on PATH beside the first words. */
  needs?: string[];
}

/** What is run in a row. */
export interface Program {
  /** The floor first, then `same`, then the peers. */
  contestants: Contestant[];
  /** Commands to run once before anything is measured. */
  before: string[][];
}

/** One row of the table. */
export interface Row {
  name: string;
  /** A long row has no more turns than these. */
  mostRuns?: number;
  /** Commands without which the row is left out. */
  needs?: string[];
  /** Writes what only this row needs, and starts what it talks to. */
  open(): Program | Promise<Program>;
  /** Stops what `open` started. */
  close?(): Promise<void>;
}

/** `same` as its launcher starts it, by this node. */
export const same = [process.execPath, resolve(import.meta.dirname, '../bin/same')];
/** A node that does nothing: what every start costs. */
export const bareNode = [process.execPath, '-e', '0'];

/** A command line of a shell, which fails when any part of it does. */
export function shell(line: string): string[] {
  return ['bash', '-c', `set -eo pipefail; ${line}`];
}
