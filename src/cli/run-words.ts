import { type Finding, SameError } from '../errors/same-error.ts';

/** The words of `same run`, told apart: the tool's own options, the reference, and the program's parameters. */
export interface RunWords {
  reference?: string;
  file?: string;
  set: string[];
  parametersFile?: string;
  profile?: string;
  target?: string;
  engine?: string;
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
} as const;

/** The tool's own switches of `run`. */
export const runSwitches = {
  '--plan': 'plan',
  '--json': 'json',
  '--quiet': 'quiet',
  '-q': 'quiet',
  '--allow-unmet': 'allowUnmet',
  '--help': 'help',
  '-h': 'help',
} as const;

/**
 * Splits the words after `same run [program]`. The first word that is no option of the tool is the reference, unless
 * `-f` names a source; what follows and is not the tool's is the program's, in order.
 * @throws SAME1902 an option of the tool lacks its value, or is given twice
 */
export function splitRunWords(all: string[]): RunWords {
  const dashes = all.indexOf('--');
  const words = dashes < 0 ? all : all.slice(0, dashes);
  const result: RunWords = {
    set: [],
    plan: false,
    json: false,
    quiet: false,
    allowUnmet: false,
    help: false,
    words: [],
    afterDashes: dashes < 0 ? [] : all.slice(dashes + 1),
  };
  const findings: Finding[] = [];
  for (let index = 0; index < words.length; index++) {
    const word = words[index]!;
    const equals = word.startsWith('--') ? word.indexOf('=') : -1;
    const name = equals < 0 ? word : word.slice(0, equals);
    if (isKey(runSwitches, name)) {
      if (equals < 0) result[runSwitches[name]] = true;
      else findings.push({ code: 'SAME1902', message: `${name} takes no value, got "${word}"` });
    } else if (isKey(runOptions, name)) {
      const value = equals < 0 ? words[++index] : word.slice(equals + 1);
      const option = runOptions[name];
      if (value === undefined || (equals < 0 && value.startsWith('--'))) {
        findings.push({ code: 'SAME1902', message: `${name} needs a value` });
      } else if (option === 'set') result.set.push(value);
      else if (result[option] !== undefined)
        findings.push({ code: 'SAME1902', message: `${name} is given twice` });
      else result[option] = value;
    } else if (result.words.length === 0 && result.reference === undefined && !word.startsWith('-')) {
      result.reference = word;
    } else result.words.push(word);
  }
  if (result.reference !== undefined && result.file !== undefined) {
    findings.push({
      code: 'SAME1902',
      message: `run takes a program or -f SOURCE, got both "${result.reference}" and -f ${result.file}`,
    });
  }
  if (findings.length > 0) throw new SameError(findings);
  return result;
}

function isKey<T extends object>(table: T, name: string): name is Extract<keyof T, string> {
  return Object.hasOwn(table, name);
}
