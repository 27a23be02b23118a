import { type Finding, SameError } from '../errors/same-error.ts';

/** The words of `same run`, told apart: the tool's own options, the reference, and the program's parameters. */
export interface RunWords {
  reference?: string;
  /** The option before the reference, with it as its value: one of {@link runChoices} has it only after `=`. */
  meant?: string;
  file?: string;
  set: string[];
  parametersFile?: string;
  profile?: string;
  target?: string;
  engine?: string;
  jobs?: string;
  from?: string;
  until?: string;
  /** Steps by `--step` and `--accept`, each as often as it is given. */
  steps: string[];
  accept: string[];
  /** Steps of `--force=STEP,…`; all of them for a bare `--force`. */
  force?: true | string[];
  /** What `--resume=RUN` names; empty for a bare `--resume`. */
  resume?: string;
  /** All of them as they were given. */
  all: string[];
  /** Later options of the tool that were given without `--same-`: names that a program's parameters may have too. */
  shared: string[];
  /** Options that cannot all be followed; they may turn out to be parameters. */
  problems: Finding[];
  noCache: boolean;
  keepGoing: boolean;
  failFast: boolean;
  trace: boolean;
  takeOver: boolean;
  plan: boolean;
  json: boolean;
  quiet: boolean;
  allowUnmet: boolean;
  help: boolean;
  /** Words that are the program's. */
  words: string[];
  /** Everything after `--`. */
  afterDashes: string[];
}

/** The tool's own options of `run`: frozen in v1 (spec chapter parameters). Later ones begin with `--same-`. */
export const runOptions = {
  '--file': 'file',
  '-f': 'file',
  '--set': 'set',
  '--parameters': 'parametersFile',
  '--profile': 'profile',
  '--target': 'target',
  '--engine': 'engine',
  '--jobs': 'jobs',
  '-j': 'jobs',
  '--step': 'steps',
  '--from': 'from',
  '--until': 'until',
  '--accept': 'accept',
} as const;

/** Options that may stand alone, or have a value after `=` and never as the next word. */
export const runChoices = { '--force': 'force', '--resume': 'resume' } as const;

/** The tool's own switches of `run`. */
export const runSwitches = {
  '--plan': 'plan',
  '--no-cache': 'noCache',
  '--keep-going': 'keepGoing',
  '--fail-fast': 'failFast',
  '--trace': 'trace',
  '--take-over': 'takeOver',
  '--json': 'json',
  '--quiet': 'quiet',
  '-q': 'quiet',
  '--allow-unmet': 'allowUnmet',
  '--help': 'help',
  '-h': 'help',
} as const;

/** Options that may also be given as `--same-NAME`, which no parameter can be called (spec SAME-PAR-027). */
const laterOptions: ReadonlySet<string> = new Set([
  '--jobs',
  '--step',
  '--from',
  '--until',
  '--accept',
  '--force',
  '--resume',
  '--no-cache',
  '--keep-going',
  '--fail-fast',
  '--trace',
  '--take-over',
]);

/**
 * Splits the words after `same run [program]`. The first word that is no option of the tool is the reference, unless
 * `-f` names a source; what follows and is not the tool's is the program's, in order.
 * @param declared parameters of the program, once they are known: the short forms of later options are theirs
 * @throws SAME1902 an option of the tool lacks its value, or is given twice
 */
export function splitRunWords(all: string[], declared: ReadonlySet<string> = new Set()): RunWords {
  const dashes = all.indexOf('--');
  const words = dashes < 0 ? all : all.slice(0, dashes);
  const result: RunWords = {
    set: [],
    all,
    shared: [],
    problems: [],
    steps: [],
    accept: [],
    noCache: false,
    keepGoing: false,
    failFast: false,
    trace: false,
    takeOver: false,
    plan: false,
    json: false,
    quiet: false,
    allowUnmet: false,
    help: false,
    words: [],
    afterDashes: dashes < 0 ? [] : all.slice(dashes + 1),
  };
  const findings: Finding[] = [];
  // What is wrong with a later option may be nothing at all: its name may turn out to be a parameter's.
  const refuse = (name: string, message: string) =>
    (laterOptions.has(name) ? result.problems : findings).push({ code: 'SAME1902', message });
  /** The option before a word that may have a value and got none. */
  let choice: string | undefined;
  for (let index = 0; index < words.length; index++) {
    const word = words[index]!;
    const equals = word.startsWith('--') ? word.indexOf('=') : -1;
    const name = ownName(equals < 0 ? word : word.slice(0, equals), declared, result.shared);
    if (isKey(runSwitches, name)) {
      if (equals < 0) result[runSwitches[name]] = true;
      else refuse(name, `${name} takes no value, got "${word}"`);
    } else if (isKey(runChoices, name)) {
      const value = equals < 0 ? undefined : word.slice(equals + 1);
      if (value === '') refuse(name, `${name}= needs a value, or no "="`);
      else if (name === '--resume' && result.resume !== undefined) refuse(name, `${name} is given twice`);
      else if (name === '--resume') result.resume = value ?? '';
      else if (value === undefined || result.force === true) result.force = true;
      else result.force = [...(result.force ?? []), ...value.split(',')];
    } else if (/^-j[0-9]+$/.test(word)) {
      if (result.jobs !== undefined) refuse('-j', '--jobs is given twice');
      else result.jobs = word.slice(2);
    } else if (isKey(runOptions, name)) {
      const value = equals < 0 ? words[++index] : word.slice(equals + 1);
      const option = runOptions[name];
      if (value === undefined || (equals < 0 && value.startsWith('--'))) {
        refuse(name, `${name} needs a value`);
      } else if (option === 'set' || option === 'steps' || option === 'accept') result[option].push(value);
      else if (result[option] !== undefined) refuse(name, `${name} is given twice`);
      else result[option] = value;
    } else if (result.words.length === 0 && result.reference === undefined && !word.startsWith('-')) {
      result.reference = word;
      if (choice !== undefined) result.meant = `${choice}=${word}`;
    } else if (choice !== undefined && !word.startsWith('-'))
      refuse(
        choice,
        `${choice} has a value only after "=", got "${choice} ${word}"; write ${choice}=${word}`,
      );
    else result.words.push(word);
    choice = isKey(runChoices, name) && equals < 0 ? name : undefined;
  }
  if (result.reference !== undefined && result.file !== undefined) {
    findings.push({
      code: 'SAME1902',
      message: `run takes a program or -f SOURCE, got both "${result.reference}" and -f ${result.file}`,
      ...(result.meant === undefined
        ? {}
        : { hint: `if it belongs to the option before it: ${result.meant}` }),
    });
  }
  result.problems.push(...contradictions(result));
  if (findings.length > 0) throw new SameError(findings);
  return result;
}

/**
 * An option's name without `--same-`, which later ones may be given with. Without it, it is noted, or is a parameter's.
 * @returns for a parameter what no option is called
 */
function ownName(given: string, declared: ReadonlySet<string>, shared: string[]): string {
  const plain = given.startsWith('--same-') ? `--${given.slice('--same-'.length)}` : given;
  if (!laterOptions.has(plain)) return given;
  if (plain !== given) return plain;
  const option = given.slice('--'.length);
  if (isDeclared(option, declared)) return '';
  shared.push(option);
  return plain;
}

/** Whether a flag that looks like an option of the tool sets a parameter, or negates one. */
export function isDeclared(option: string, declared: ReadonlySet<string>): boolean {
  return declared.has(option) || declared.has(option.replace(/^no-/, ''));
}

/** Options that cannot all be followed. */
function contradictions(words: RunWords): Finding[] {
  const pairs: [boolean, string][] = [
    [words.keepGoing && words.failFast, '--keep-going and --fail-fast'],
    [words.noCache && words.accept.length > 0, '--no-cache and --accept'],
    [words.noCache && words.resume !== undefined, '--no-cache and --resume'],
    [words.noCache && words.steps.length > 0, '--no-cache and --step, which builds on stored results,'],
    [words.noCache && words.from !== undefined, '--no-cache and --from, which builds on stored results,'],
    [words.trace && words.accept.length > 0, '--trace and --accept'],
    [words.accept.some((step) => isForced(words, step)), '--force and --accept of one step'],
  ];
  const findings: Finding[] = pairs.flatMap(([are, both]) =>
    are ? [{ code: 'SAME1902' as const, message: `${both} cannot both be` }] : [],
  );
  if (words.jobs !== undefined && !(/^[0-9]{1,6}$/.test(words.jobs) && Number(words.jobs) > 0)) {
    findings.push({ code: 'SAME1902', message: `--jobs is a number from 1 on, got "${words.jobs}"` });
  }
  if (words.resume !== undefined) findings.push(...givenAgain(words));
  else if (words.takeOver) {
    findings.push({
      code: 'SAME1902',
      message: '--take-over takes over the run that --resume goes on with, and there is no --resume',
    });
  }
  return findings;
}

function isForced({ force }: RunWords, step: string): boolean {
  return force === true || (force ?? []).includes(step);
}

/** What a run that is gone on with has decided already. */
function givenAgain(words: RunWords): Finding[] {
  const given = [
    ...(words.file === undefined ? [] : ['-f']),
    ...(words.set.length === 0 ? [] : ['--set']),
    ...(words.parametersFile === undefined ? [] : ['--parameters']),
    ...(words.profile === undefined ? [] : ['--profile']),
    ...[...words.words, ...words.afterDashes].slice(0, 1),
  ];
  return given.map((word) => ({
    code: 'SAME1902',
    message: `--resume goes on with the values that the run had, and takes no ${word}`,
    hint: 'run it anew to change them: what has not changed is reused',
  }));
}

function isKey<T extends object>(table: T, name: string): name is Extract<keyof T, string> {
  return Object.hasOwn(table, name);
}
