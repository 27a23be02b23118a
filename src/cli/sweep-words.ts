import { type Finding, SameError } from '../errors/same-error.ts';

/** The words of `same sweep`, told apart: the tool's own options, the reference, and the program's parameters. */
export interface SweepWords {
  reference?: string;
  set: string[];
  parametersFile?: string;
  profile?: string;
  target?: string;
  engine?: string;
  algorithm?: string;
  trials?: string;
  objective?: string;
  jobs?: string;
  samplerSeed?: string;
  /** What `--resume=ID` names; empty for a bare `--resume`. */
  resume?: string;
  allowUnmet: boolean;
  noCache: boolean;
  plan: boolean;
  json: boolean;
  quiet: boolean;
  help: boolean;
  /** Options that were given without `--same-`: names that a program's parameters may have too. */
  shared: string[];
  words: string[];
  /** Everything after `--`. */
  afterDashes: string[];
}

/** The tool's own options of `sweep`: frozen in v1 (spec SAME-SWP-002). Later ones begin with `--same-`. */
export const sweepOptions = {
  '--set': 'set',
  '--parameters': 'parametersFile',
  '--profile': 'profile',
  '--target': 'target',
  '--engine': 'engine',
  '--algorithm': 'algorithm',
  '--trials': 'trials',
  '--objective': 'objective',
  '--jobs': 'jobs',
  '-j': 'jobs',
  '--sampler-seed': 'samplerSeed',
} as const;

/** The tool's own switches of `sweep`. */
export const sweepSwitches = {
  '--allow-unmet': 'allowUnmet',
  '--no-cache': 'noCache',
  '--plan': 'plan',
  '--json': 'json',
  '--quiet': 'quiet',
  '-q': 'quiet',
  '--help': 'help',
  '-h': 'help',
} as const;

/** Options that may also be given as `--same-NAME`, which no parameter can be called. */
const sharedOptions = new Set([
  '--algorithm',
  '--trials',
  '--objective',
  '--jobs',
  '--sampler-seed',
  '--resume',
  '--no-cache',
]);

/**
 * Splits the words after `same sweep [program]`: the first word that is no option of the tool is the reference, what
 * follows and is not the tool's is the program's, in order.
 * @throws SAME1902 an option of the tool lacks its value, or is given twice
 */
export function splitSweepWords(all: string[]): SweepWords {
  const dashes = all.indexOf('--');
  const words = dashes < 0 ? all : all.slice(0, dashes);
  const result: SweepWords = {
    set: [],
    allowUnmet: false,
    noCache: false,
    plan: false,
    json: false,
    quiet: false,
    help: false,
    shared: [],
    words: [],
    afterDashes: dashes < 0 ? [] : all.slice(dashes + 1),
  };
  const findings: Finding[] = [];
  const wrong = (message: string) => findings.push({ code: 'SAME1902', message });
  for (let index = 0; index < words.length; index++) {
    const word = words[index]!;
    const equals = word.startsWith('--') ? word.indexOf('=') : -1;
    const name = ownName(equals < 0 ? word : word.slice(0, equals), result.shared);
    const inside = equals < 0 ? undefined : word.slice(equals + 1);
    if (isKey(sweepSwitches, name)) {
      if (inside === undefined) result[sweepSwitches[name]] = true;
      else wrong(`${name} takes no value, got "${word}"`);
    } else if (name === '--resume') {
      if (inside === '') wrong('--resume= needs a value, or no "="');
      else if (result.resume !== undefined) wrong(`${name} is given twice`);
      else result.resume = inside ?? '';
    } else if (/^-j[0-9]+$/.test(word)) {
      if (result.jobs !== undefined) wrong('--jobs is given twice');
      else result.jobs = word.slice(2);
    } else if (isKey(sweepOptions, name)) {
      const value = inside ?? words[++index];
      const option = sweepOptions[name];
      if (value === undefined || (inside === undefined && value.startsWith('--')))
        wrong(`${name} needs a value`);
      else if (option === 'set') result.set.push(value);
      else if (result[option] !== undefined) wrong(`${name} is given twice`);
      else result[option] = value;
    } else if (result.words.length === 0 && result.reference === undefined && !word.startsWith('-')) {
      result.reference = word;
    } else result.words.push(word);
  }
  if (!result.help) findings.push(...contradictions(result));
  if (findings.length > 0) throw new SameError(findings);
  return result;
}

/** What cannot be followed together: a sweep that is gone on with has its search, and may be said again or not. */
function contradictions(words: SweepWords): Finding[] {
  const { reference, resume, plan, jobs } = words;
  if (reference === undefined && resume === undefined) {
    const hint =
      'a stored program comes first: same sweep NAME:VERSION --PARAMETER=a,b (stored ones: same list programs)';
    return [{ code: 'SAME1902', message: 'sweep what? no program is named', hint }];
  }
  if (resume === undefined) return [];
  const findings: Finding[] = [];
  if (plan) {
    const hint = 'what has ended and what has not is shown by: same show sweep ID';
    findings.push({ code: 'SAME1902', message: '--resume and --plan cannot both be', hint });
  }
  if (reference !== undefined) return findings;
  const options = [...Object.values(sweepOptions), 'allowUnmet', 'noCache', 'words', 'afterDashes'] as const;
  const isGiven = (value: SweepWords[(typeof options)[number]]) =>
    Array.isArray(value) ? value.length > 0 : value !== undefined && value !== false;
  if (options.some((option) => option !== 'jobs' && isGiven(words[option]))) {
    findings.push({
      code: 'SAME1902',
      message:
        '--resume without a program goes on with a sweep as it is, and takes nothing but --jobs beside it',
      hint: 'say the whole search, the program first, or --resume alone',
    });
  }
  if (jobs !== undefined && !/^[1-9][0-9]{0,2}$/.test(jobs))
    findings.push({ code: 'SAME1902', message: `--jobs is a number from 1 to 999, got "${jobs}"` });
  return findings;
}

function ownName(given: string, shared: string[]): string {
  const plain = given.startsWith('--same-') ? `--${given.slice('--same-'.length)}` : given;
  if (!sharedOptions.has(plain)) return given;
  if (plain === given) shared.push(given.slice('--'.length));
  return plain;
}

function isKey<T extends object>(table: T, name: string): name is Extract<keyof T, string> {
  return Object.hasOwn(table, name);
}
