import type { Path } from './document.ts';
import { checkVariable, type Rules, requirePath } from './manifest-rules.ts';
import type { Environment } from './schema.ts';
import { pathText } from './schema-findings.ts';

const COMMAND = /^[A-Za-z0-9._+-]+( *(>=|<=|==|!=|>|<) *[0-9][0-9A-Za-z.+-]*)*$/;
const R_PACKAGE = /^[A-Za-z][A-Za-z0-9.]*( *(>=|<=|==|!=|>|<) *[0-9][0-9.-]*)*$/;

const languages = ['python', 'r', 'node'] as const;
const images = ['image', 'dockerfile'] as const;

/** Notes what is wrong with one environment (spec SAME-PIP-016, 021, 061, 063, 064). */
export function checkEnvironment(rules: Rules, path: Path, environment: Environment): void {
  const { python, r, node, variables, requires } = environment;
  const label = pathText(path);
  checkKinds(rules, path, environment);
  const pinned: [string, object | undefined, readonly string[]][] = [
    ['python', python, ['lock', 'requirements', 'packages']],
    ['r', r, ['lock', 'packages']],
  ];
  for (const [language, fields, known] of pinned) {
    const given = known.filter((field) => fields && Object.hasOwn(fields, field));
    if (given.length < 2) continue;
    const at = [...path, language, given[1]!];
    rules.report(
      'SAME1005',
      at,
      `${label}.${language} has ${given.join(' and ')}`,
      'keep one of them',
      'key',
    );
  }
  requirePath(rules, [...path, 'python', 'lock'], python?.lock);
  requirePath(rules, [...path, 'python', 'requirements'], python?.requirements);
  requirePath(rules, [...path, 'r', 'lock'], r?.lock);
  requirePath(rules, [...path, 'node', 'lock'], node?.lock);
  requirePath(rules, [...path, 'dockerfile'], environment.dockerfile);
  checkVariables(rules, path, variables ?? {});
  checkTexts(rules, [...path, 'requires', 'commands'], requires?.commands, COMMAND, {
    what: 'command',
    example: 'Rscript >=4.2',
  });
  checkTexts(rules, [...path, 'r', 'packages'], r?.packages, R_PACKAGE, {
    what: 'package',
    example: 'ggplot2 >=3.4',
  });
}

/** Exactly one language or the system; beside a language at most one of image and dockerfile, which may stand alone. */
function checkKinds(rules: Rules, path: Path, environment: Environment): void {
  const label = pathText(path);
  const spoken = languages.filter((language) => environment[language] !== undefined);
  const boxed = images.filter((image) => environment[image] !== undefined);
  const given = [...(environment.system ? ['system'] : []), ...spoken, ...boxed];
  const refuse = (field: string, first: string) =>
    rules.report(
      'SAME1005',
      [...path, field],
      `${label} has ${first} and ${first === field ? given.find((other) => other !== field) : field}`,
      'an environment is one of python, r, node and system, or an image; image or dockerfile may stand beside python, r and node',
      'key',
    );
  if (environment.system && boxed.length > 0) refuse(boxed[0]!, 'system');
  else if (environment.system && spoken.length > 0) refuse('system', 'system');
  else if (spoken.length > 1) refuse(spoken[1]!, spoken[0]!);
  else if (boxed.length > 1) refuse('dockerfile', 'image');
  else if (given.length === 0) {
    rules.report(
      'SAME1008',
      path,
      `${label} says no interpreter`,
      'write python: {version: "3.11"}, system: true or image: …',
      'key',
    );
  }
}

function checkVariables(rules: Rules, path: Path, variables: Record<string, string>): void {
  const label = pathText(path);
  for (const [name, text] of Object.entries(variables)) {
    checkVariable(rules, [...path, 'variables', name]);
    if (text.includes('\0')) {
      rules.report('SAME1005', [...path, 'variables', name], `${label}.variables.${name} has a NUL byte`);
    }
    if (Object.hasOwn(rules.program.secrets ?? {}, name)) {
      rules.report(
        'SAME1005',
        [...path, 'variables', name],
        `${label}.variables.${name} is the name of a secret too`,
        'rename one: a step would see only one of them',
        'key',
      );
    }
  }
}

function checkTexts(
  rules: Rules,
  path: Path,
  texts: readonly string[] | undefined,
  pattern: RegExp,
  { what, example }: { what: string; example: string },
): void {
  for (const [index, text] of (texts ?? []).entries()) {
    if (pattern.test(text)) continue;
    const at = [...path, index];
    rules.report(
      'SAME1005',
      at,
      `${pathText(at)}: "${text}" is not a ${what} with its version`,
      `write it like "${example}"`,
    );
  }
}
