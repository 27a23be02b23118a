import { type Finding, SameError } from '../errors/same-error.ts';
import { matchParameter, type ParameterWord, unknownParameter } from './parameters.ts';
import type { ParameterSchema } from './schema.ts';
import { typeOf } from './value.ts';

/** What the words are read with. */
export interface ParameterWordOptions {
  /** The words after `--`: all of them are parameters too. */
  afterDashes?: string[];
  /** `NAME:VERSION` for messages. */
  label?: string;
  /** Reads the file of `--k=@file`; throws {@link SameError} when it cannot. Without it `@file` is refused. */
  readFile?: (path: string) => string;
}

/**
 * Reads the words that are parameters by the program's own table: `--k=v`, `--k v`, bare `--k` and `--no-k` of
 * booleans (an exact name beats a negation), repeated flags, `@file` for lists and objects; `-` and `_` are equal.
 * Values stay text: {@link ParameterWord} goes into `resolveParameters`, which reads it by its declared type.
 */
export function parseParameterWords(
  words: readonly string[],
  declared: Record<string, ParameterSchema>,
  options: ParameterWordOptions = {},
): { flags: ParameterWord[]; findings: Finding[] } {
  const flags = new Map<string, ParameterWord>();
  const findings: Finding[] = [];
  for (const list of [words, options.afterDashes ?? []]) {
    for (let i = 0; i < list.length; i++) {
      const word = list[i]!;
      if (!word.startsWith('--') || word === '--') {
        findings.push(stray(word, declared));
        continue;
      }
      const equals = word.indexOf('=');
      const written = equals < 0 ? word.slice(2) : word.slice(2, equals);
      const text = equals < 0 ? undefined : word.slice(equals + 1);
      const meant = meaning(written, declared);
      if (!meant) {
        findings.push(unknownParameter(written, declared, options.label));
        // Its value, as far as one can tell; else one mistake would be reported twice.
        if (text === undefined && isValue(list[i + 1])) i++;
        continue;
      }
      const { name, negated } = meant;
      const flag: `--${string}` = negated ? `--no-${name}` : `--${name}`;
      const value = negated
        ? negation(text)
        : (text ?? implied(declared[name]!) ?? (isValue(list[i + 1]) ? list[++i] : undefined));
      if (value === undefined) {
        findings.push(
          negated
            ? {
                code: 'SAME1102',
                message: `parameter "${name}": --no-${written.slice(3)} takes no value`,
                hint: `write --${name}=${text}`,
              }
            : {
                code: 'SAME1102',
                message: `parameter "${name}": --${name} needs a value`,
                hint: `write --${name}=VALUE`,
              },
        );
        continue;
      }
      const read = contentOf(value, name, declared[name]!, options);
      if (typeof read !== 'string') findings.push(read);
      else {
        const known = flags.get(name);
        if (known) known.texts.push(read);
        else flags.set(name, { name, flag, texts: [read] });
      }
    }
  }
  return { flags: [...flags.values()], findings };
}

function meaning(
  written: string,
  declared: Record<string, ParameterSchema>,
): { name: string; negated: boolean } | undefined {
  const name = matchParameter(declared, written);
  if (name !== undefined) return { name, negated: false };
  if (!/^no[-_]/.test(written)) return undefined;
  const negated = matchParameter(declared, written.slice(3));
  return negated !== undefined && typeOf(declared[negated]!).type === 'boolean'
    ? { name: negated, negated: true }
    : undefined;
}

function negation(text: string | undefined): string | undefined {
  return text === undefined ? 'false' : undefined;
}

function implied(schema: ParameterSchema): string | undefined {
  return typeOf(schema).type === 'boolean' ? 'true' : undefined;
}

/** The next word is a value unless it is a flag; a value that starts with `--` is written with `=`. */
function isValue(word: string | undefined): boolean {
  return word !== undefined && !word.startsWith('--');
}

function contentOf(
  text: string,
  name: string,
  schema: ParameterSchema,
  options: ParameterWordOptions,
): string | Finding {
  const { type } = typeOf(schema);
  if (!text.startsWith('@') || (type !== 'object' && !(type === 'array' && schema.items?.type !== 'string')))
    return text;
  try {
    if (options.readFile) return options.readFile(text.slice(1));
  } catch (error) {
    if (!(error instanceof SameError)) throw error;
    return {
      code: 'SAME1108',
      message: `parameter "${name}": ${error.findings[0]!.message}`,
      place: text.slice(1),
    };
  }
  return {
    code: 'SAME1108',
    message: `parameter "${name}": a file cannot be read here`,
    place: text.slice(1),
  };
}

function stray(word: string, declared: Record<string, ParameterSchema>): Finding {
  const equals = word.indexOf('=');
  const bare = (equals < 0 ? word : word.slice(0, equals)).replace(/^-+/, '');
  const name = matchParameter(declared, bare);
  return {
    code: 'SAME1902',
    message: `unexpected word "${word}"`,
    hint:
      name === undefined
        ? 'parameters are written --name=value'
        : `write --${name}${equals < 0 ? '=VALUE' : word.slice(equals)}`,
  };
}
