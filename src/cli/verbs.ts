import type { Command } from 'commander';
import type { Cli } from './cli.ts';

/** One verb of the command line: its page is loaded only when it is used. */
export interface Verb {
  /** Nouns it takes; the first is the default. */
  nouns: readonly string[];
  summary: string;
  load(): Promise<(cli: Cli, noun: string) => Command>;
}

/** Every verb, in the order of the help. `run` parses its own words (spec chapter parameters). */
export const verbs: Record<string, Verb> = {
  create: {
    nouns: ['program'],
    summary: 'make a program from a folder, a git repository, an archive or a bundle',
    load: async () => (await import('./commands/create.ts')).createCommand,
  },
  run: {
    nouns: ['program'],
    summary: 'run a program, with parameters of its own',
    load: async () => (await import('./commands/run.ts')).runCommand,
  },
  export: {
    nouns: ['program'],
    summary: 'write a program and its history as one file',
    load: async () => (await import('./commands/export.ts')).exportCommand,
  },
  import: {
    nouns: ['program'],
    summary: 'check a bundle file and store its program',
    load: async () => (await import('./commands/import.ts')).importCommand,
  },
  show: {
    nouns: ['program', 'run'],
    summary: 'show a program, a bundle file or a run',
    load: async () => (await import('./commands/show.ts')).showCommand,
  },
  list: {
    nouns: ['programs', 'runs'],
    summary: 'list programs or runs',
    load: async () => (await import('./commands/list.ts')).listCommand,
  },
  logs: {
    nouns: ['run'],
    summary: 'print what the steps of a run printed',
    load: async () => (await import('./commands/logs.ts')).logsCommand,
  },
  commit: {
    nouns: ['program'],
    summary: 'make a new version, with defaults from a run or from --set',
    load: async () => (await import('./commands/commit.ts')).commitCommand,
  },
  lock: {
    nouns: ['program'],
    summary: 'pin what a folder leaves open, into same.lock',
    load: async () => (await import('./commands/lock.ts')).lockCommand,
  },
  delete: {
    nouns: ['program', 'run'],
    summary: 'forget a program version, or remove a run',
    load: async () => (await import('./commands/delete.ts')).deleteCommand,
  },
  version: {
    nouns: [],
    summary: 'print the version',
    load: async () => (await import('./commands/version.ts')).versionCommand,
  },
};

/** A noun's default spelling for a verb: `runs` and `run` are one word. */
export function nounOf(verb: Verb, word: string | undefined): string | undefined {
  if (word === undefined) return undefined;
  const singular = word.replace(/s$/, '');
  return verb.nouns.find((noun) => noun.replace(/s$/, '') === singular);
}

/** Nouns of the product, known so that one a verb does not take yet is named as such. */
export const nouns = ['program', 'run', 'data', 'model', 'environment', 'target', 'engine', 'tag'];
