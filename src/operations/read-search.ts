import { type Finding, SameError, throwFindings } from '../errors/same-error.ts';
import { coerceTexts } from '../program/coercion.ts';
import { equalJson, type JsonObject, type JsonValue } from '../program/json.ts';
import { parseParameterWords } from '../program/parameter-words.ts';
import { declaredParameters, loadPatterns, matchParameter, unknownParameter } from '../program/parameters.ts';
import type { Program } from '../program/schema.ts';
import { parseExpression } from '../sweeps/expression.ts';
import { knownTrials, randomPoint } from '../sweeps/sampler.ts';
import { parseSearch, type SearchWords } from '../sweeps/search-options.ts';
import type { Dimension } from '../sweeps/search-space.ts';
import type { Search } from '../sweeps/sweep.ts';
import type { Ports } from './ports.ts';
import type { RunRequest } from './prepare-run.ts';
import { requestedParameters } from './requested-parameters.ts';
import { readSetWords } from './set-words.ts';

/** What a user says of parameters and of how to search them. */
export interface SearchRequest extends SearchWords {
  set: string[];
  words: string[];
  afterDashes: string[];
  parametersFile?: string;
  profile?: string;
  /** Options of the tool whose names a parameter of the program may have. */
  sharedOptions: string[];
}

/** What is searched, and the values that are the same in all trials. */
export interface ReadSearch {
  search: Search;
  /** Of parameters that words or a file give one value. */
  parameters: JsonObject;
  /** The values of every trial, where they do not depend on results. */
  trials: JsonObject[] | undefined;
  /** The values of the first trial. */
  first: JsonObject;
}

/**
 * Reads the words of a sweep by the program's parameter table.
 * @throws every problem with them together
 */
export async function readSearch(
  ports: Ports,
  program: Program,
  request: SearchRequest,
): Promise<ReadSearch> {
  await loadPatterns(program);
  const { space, given, named, findings } = readSpace(ports, program, request);
  const ambiguous = ambiguousOptions(program, request.sharedOptions);
  const doubts = ambiguous.map(({ finding }) => finding);
  // Whoever may have meant a parameter is not told what is wrong with that as an option.
  const { search, findings: wrong } = parseSearch(
    space,
    ambiguous.length > 0 ? withoutOptions(request, ambiguous) : request,
    findings.length === 0 && ambiguous.length === 0 && space.length > 0,
  );
  if (space.length === 0 && findings.length === 0 && ambiguous.length === 0) {
    wrong.unshift({
      code: 'SAME1621',
      message: 'nothing varies: no parameter has several values',
      hint: 'write them like --NAME=a,b or --NAME=log(1e-5,1e-1); one run is: same run NAME:VERSION',
    });
  }
  const trials = search && knownTrials(search);
  const first = search && (trials?.[0] ?? randomPoint(search.space, search.samplerSeed ?? 0, 0));
  const others = await requestedParameters(ports, program, {
    ...wordsOf({ ...given, ...first }),
    ...(request.profile === undefined ? {} : { profile: request.profile }),
    ...(request.parametersFile === undefined ? {} : { parametersFile: request.parametersFile }),
    allowUnmet: false,
  }).catch((error: unknown) => {
    if (error instanceof SameError) return error;
    throw error;
  });
  const problems = others instanceof SameError ? others.findings : [];
  // What has a value that is refused does not lack one.
  const lacking = ({ code, message }: Finding) =>
    code === 'SAME1104' && named.some((name) => message.includes(`"${name}"`));
  throwFindings([...doubts, ...findings, ...problems.filter((problem) => !lacking(problem)), ...wrong]);
  const parameters: JsonObject = { ...given };
  for (const [name, { value, source }] of Object.entries(others as Exclude<typeof others, SameError>))
    if (source.startsWith('--parameters ')) parameters[name] = value;
  throwFindings(unwritable(program, parameters));
  return { search: search!, parameters, trials, first: first! };
}

/** Options that could as well be meant for a parameter (spec SAME-SWP-002). */
function ambiguousOptions(
  program: Program,
  options: readonly string[],
): { option: string; finding: Finding }[] {
  const declared = declaredParameters(program);
  return options.flatMap((option) => {
    const name = matchParameter(declared, option) ?? matchParameter(declared, option.replace(/^no-/, ''));
    if (name === undefined) return [];
    const message = `--${option} is an option of same, and the program has a parameter "${name}"`;
    const hint = `say --same-${option} for the option, --set ${name}=VALUES for the parameter`;
    return [{ option, finding: { code: 'SAME1902' as const, message, hint } }];
  });
}

/** The words of a search without options that may be none; an algorithm may need what is left out. */
function withoutOptions(request: SearchRequest, ambiguous: readonly { option: string }[]): SearchWords {
  const out = new Set(ambiguous.map(({ option }) => option));
  const { algorithm, trials, objective, jobs, samplerSeed } = request;
  return {
    ...(algorithm === undefined || out.has('algorithm') || out.has('objective') ? {} : { algorithm }),
    ...(trials === undefined || out.has('trials') ? {} : { trials }),
    ...(objective === undefined || out.has('objective') ? {} : { objective }),
    ...(jobs === undefined || out.has('jobs') ? {} : { jobs }),
    ...(samplerSeed === undefined || out.has('sampler-seed') ? {} : { samplerSeed }),
  };
}

/** Values as the words of a run. */
export function wordsOf(values: JsonObject): Pick<RunRequest, 'set' | 'words' | 'afterDashes'> {
  const afterDashes = Object.entries(values).map(([name, value]) => `--${name}=${textOf(value)}`);
  return { set: [], words: [], afterDashes };
}

function textOf(value: JsonValue): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Values of a file that no word can say: the text null, where null is another value. */
function unwritable(program: Program, values: JsonObject): Finding[] {
  return Object.entries(values).flatMap(([name, value]): Finding[] => {
    const read = coerceTexts(declaredParameters(program)[name]!, [textOf(value)]);
    return 'value' in read && equalJson(read.value, value)
      ? []
      : [
          {
            code: 'SAME1102',
            message: `parameter "${name}": ${JSON.stringify(value)} cannot be said in words`,
          },
        ];
  });
}

/** Parameters with several values, in the order of the words; a flag wins over `--set`, and both are checked. */
function readSpace(
  ports: Ports,
  program: Program,
  request: SearchRequest,
): { space: Dimension[]; given: JsonObject; named: string[]; findings: Finding[] } {
  const declared = declaredParameters(program);
  const label = `${program.metadata.name}:${program.metadata.version}`;
  const words = parseParameterWords(request.words, declared, {
    afterDashes: request.afterDashes,
    label,
    readFile: (path) => readText(ports, path),
  });
  const set = readSetWords(request.set);
  const findings = [...words.findings, ...set.findings];
  const texts = new Map<string, string[]>();
  for (const { name: written, text } of set.values) {
    const name = matchParameter(declared, written);
    if (name === undefined) findings.push(unknownParameter(written, declared, label));
    else texts.set(name, [...(texts.get(name) ?? []), text]);
  }
  const expressions = [
    ...[...texts].map(([name, all]) => ({ name, from: '--set', texts: all })),
    ...words.flags.map(({ name, flag, texts: all }) => ({ name, from: flag, texts: all })),
  ];
  const dimensions = new Map<string, Dimension>();
  const given: JsonObject = {};
  for (const { name, from, texts: all } of expressions) {
    const read = parseExpression({ name, schema: declared[name]!, from, texts: all });
    dimensions.delete(name);
    delete given[name];
    if ('findings' in read) findings.push(...read.findings);
    else if ('dimension' in read) dimensions.set(name, read.dimension);
    else given[name] = read.value;
  }
  const named = [...new Set(expressions.map(({ name }) => name))];
  return { space: [...dimensions.values()], given, named, findings };
}

function readText(ports: Ports, path: string): string {
  const bytes = ports.files.read(path);
  if (bytes) return bytes.toString('utf8');
  throw new SameError({ code: 'SAME1108', message: `file ${path} is not there`, place: `@${path}` });
}
