/** One verb of the command line. */
export interface Verb {
  /** Nouns it takes; the first is the default. */
  nouns: readonly string[];
  summary: string;
}

/** Every verb, in the order of the help. */
export const verbs = {
  create: {
    nouns: ['program', 'alias'],
    summary: 'make a program from a folder, git, an archive, a bundle or a registry; or an alias',
  },
  run: { nouns: ['program'], summary: 'run a program, with parameters of its own' },
  sweep: { nouns: ['program'], summary: 'run a program with many values, and say which are best' },
  why: { nouns: ['program'], summary: 'say of each step whether it would run again, and what changed' },
  compile: { nouns: ['program'], summary: 'write what would run on a cluster as files for it' },
  export: { nouns: ['program'], summary: 'write a program and its history as one file' },
  import: {
    nouns: ['program', 'runs'],
    summary: 'check a bundle and store its program; or take over runs of MLflow or TensorBoard',
  },
  push: { nouns: ['program', 'run'], summary: 'put a program and its history, or a run, into a registry' },
  pull: { nouns: ['program'], summary: 'fetch a program and its history from a registry, and check it' },
  copy: { nouns: ['program'], summary: 'copy a program from a registry or bundle to another' },
  unpack: { nouns: ['program'], summary: 'write the files of a program or bundle as a plain folder' },
  verify: { nouns: ['integrity'], summary: 'look for what is damaged in a bundle, a program or the home' },
  show: {
    nouns: ['program', 'run', 'sweep', 'store'],
    summary: 'show a program, a bundle, a run, a sweep, or where runs are told to',
  },
  list: {
    nouns: ['programs', 'runs', 'sweeps', 'tags', 'aliases', 'environments', 'engines', 'targets'],
    summary: 'list programs, runs, sweeps, versions in a registry, aliases, environments, engines or targets',
  },
  describe: {
    nouns: ['engine', 'target'],
    summary: 'show what an engine has here, what you may do there, and whether a program fits',
  },
  compare: { nouns: ['runs'], summary: 'put runs beside one another: what differs, and by how much' },
  diff: { nouns: ['runs'], summary: 'say why two runs may have come to different ends' },
  serve: { nouns: ['runs'], summary: "let clients of MLflow read this home's runs" },
  plot: { nouns: ['runs'], summary: 'draw how a figure went in runs' },
  tag: { nouns: ['run'], summary: 'give a run tags, by which it is found' },
  note: { nouns: ['run'], summary: 'write down a note of a run' },
  stop: { nouns: ['run'], summary: 'ask a run that goes on to stop, and wait until it has' },
  retry: { nouns: ['run'], summary: 'run again what did not succeed in a run' },
  get: { nouns: ['run'], summary: 'copy what a run wrote into a folder' },
  logs: { nouns: ['run'], summary: 'print what the steps of a run printed' },
  commit: { nouns: ['program'], summary: 'make a new version, with defaults from a run or from --set' },
  lock: { nouns: ['program'], summary: 'pin what a folder leaves open, into same.lock' },
  delete: {
    nouns: ['program', 'run', 'sweep', 'alias', 'target'],
    summary: 'forget a program version, an alias or a target, or remove a run or a sweep',
  },
  build: { nouns: ['environment'], summary: 'make the environments of a program ready before it runs' },
  gc: { nouns: [], summary: 'remove what nothing in the home names any more' },
  reindex: { nouns: [], summary: 'make the index of runs anew from their files' },
  check: { nouns: ['store'], summary: 'look for what is damaged among the runs of this home' },
  set: {
    nouns: ['store', 'target'],
    summary: 'say where runs are told to (MLflow, PostgreSQL, this home alone), or what a target is',
  },
  deliver: { nouns: [], summary: 'tell the store what waits to be told' },
  login: { nouns: [], summary: 'keep a login of a registry, once the registry takes it' },
  logout: { nouns: [], summary: 'remove the login of a registry' },
  conformance: { nouns: [], summary: 'answer one conformance case, for those who write the cases' },
  version: { nouns: [], summary: 'print the version' },
} as const satisfies Record<string, Verb>;

/** A verb's word. */
export type VerbName = keyof typeof verbs;

/** Whether a word is a verb. */
export function isVerb(word: string): word is VerbName {
  return Object.hasOwn(verbs, word);
}

/** A noun's spelling for a verb: `runs` and `run` are one word. */
export function nounOf(verb: Verb, word: string | undefined): string | undefined {
  if (word === undefined) return undefined;
  return verb.nouns.find((noun) => singular(noun) === singular(word));
}

/** Whether a word is a noun of the product, in either number. */
export function isNoun(word: string | undefined): boolean {
  return word !== undefined && nouns.includes(singular(word));
}

function singular(word: string): string {
  return word.replace(/^(alias)(es)?$|s$/, '$1');
}

/** Nouns of the product, known so that one a verb does not take yet is named as such. */
const nouns = [
  'program',
  'run',
  'sweep',
  'data',
  'model',
  'environment',
  'target',
  'engine',
  'tag',
  'alias',
  'store',
];
