import type { Path } from './document.ts';
import { checkEnvironment } from './environment-rules.ts';
import { checkVariable, type Rules, requireName, requirePath } from './manifest-rules.ts';
import { parseQuantity } from './quantity.ts';
import type { DataPointer, Resources } from './schema.ts';
import { pathText } from './schema-findings.ts';

/** The rules of everything that steps build on: upstream, secrets, environments, data, services, resources, files. */
export function checkDeclarations(rules: Rules): void {
  const { program } = rules;
  if (program.metadata.version === 'latest') {
    rules.report(
      'SAME1202',
      ['metadata', 'version'],
      'metadata.version: "latest" is not a version',
      'write for instance version: "1.0"',
    );
  }
  requirePath(rules, ['upstream', 'to'], program.upstream?.to);
  for (const [index, patch] of (program.upstream?.patches ?? []).entries()) {
    requirePath(rules, ['upstream', 'patches', index], patch);
  }
  for (const name of Object.keys(program.secrets ?? {})) checkVariable(rules, ['secrets', name]);
  for (const [name, environment] of Object.entries(program.environments ?? {})) {
    checkEnvironment(rules, ['environments', name], environment);
  }
  for (const [name, pointer] of Object.entries(program.data ?? {})) checkData(rules, ['data', name], pointer);
  for (const [name, { provides }] of Object.entries(program.services ?? {})) {
    for (const variable of Object.keys(provides ?? {}))
      checkVariable(rules, ['services', name, 'provides', variable]);
  }
  checkResources(rules, ['resources'], program.resources);
  checkTargets(rules);
  for (const list of ['exclude', 'allowSecret'] as const) {
    for (const [index, glob] of (program.files?.[list] ?? []).entries())
      requirePath(rules, ['files', list, index], glob);
  }
  for (const [index, extension] of (program.requiredExtensions ?? []).entries()) {
    const message = `required extension "${extension}" is not known to this version`;
    rules.report('SAME1012', ['requiredExtensions', index], message, 'use a version of same that knows it');
  }
}

/** Quantities that can be counted, in `resources` of the program or of a step. */
export function checkResources(rules: Rules, path: Path, resources: Resources | undefined): void {
  const sizes: [Path, string | undefined][] = [
    [['memory'], resources?.memory],
    [['disk', 'size'], resources?.disk?.size],
    [['gpu', 'memory'], resources?.gpu?.memory],
  ];
  for (const [below, text] of sizes) requireQuantity(rules, [...path, ...below], text, parseQuantity);
}

/** Notes a quantity that has the right form and yet cannot be counted. */
export function requireQuantity(
  rules: Rules,
  path: Path,
  text: string | undefined,
  parse: (text: string) => number,
): void {
  try {
    if (text !== undefined) parse(text);
  } catch (error) {
    rules.report(
      'SAME1005',
      path,
      `${pathText(path)}: ${(error as Error).message.replace(/^SAME[0-9]+ /, '')}`,
    );
  }
}

function checkData(rules: Rules, path: Path, pointer: DataPointer): void {
  const at = [...path, 'uri'];
  if (/^file:/i.test(pointer.uri)) {
    rules.report(
      'SAME1014',
      at,
      `${pathText(at)}: file: names a file of one machine`,
      'write a path inside the program',
    );
  } else if (!/^[A-Za-z][A-Za-z0-9+.-]+:/.test(pointer.uri)) {
    requirePath(rules, at, pointer.uri);
    if (pointer.carry !== undefined && pointer.carry !== 'embed') {
      rules.report(
        'SAME1005',
        [...path, 'carry'],
        `${pathText([...path, 'carry'])}: ${pointer.carry} does not go with a path in the program, which every bundle holds`,
        'keep the file out of the program and give an address, or leave out carry',
      );
    }
  }
  if (pointer.mutable && pointer.digest !== undefined) {
    rules.report(
      'SAME1005',
      [...path, 'mutable'],
      `${pathText(path)} has mutable and digest`,
      'what has a digest does not change: keep one of them',
      'key',
    );
  }
}

function checkTargets(rules: Rules): void {
  const seen = new Set<string>();
  for (const [index, target] of (rules.program.infrastructure?.targets ?? []).entries()) {
    const path = ['infrastructure', 'targets', index];
    requirePath(rules, [...path, 'path'], target.path);
    if (target.kind === 'terraform' && target.path === undefined) {
      rules.report(
        'SAME1008',
        path,
        `${pathText(path)}.path is missing`,
        'say where the Terraform files are, for instance path: infra/aks',
      );
    }
    if (seen.has(target.name))
      rules.report('SAME1005', [...path, 'name'], `target "${target.name}" is there twice`);
    seen.add(target.name);
  }
}

/** Notes secrets and services that a step names and the program does not declare. */
export function checkStepNeeds(
  rules: Rules,
  path: Path,
  needs: { secrets?: string[]; services?: string[] },
  known: { secrets: string[]; services: string[] },
): void {
  for (const [index, name] of (needs.secrets ?? []).entries()) {
    requireName(rules, [...path, 'secrets', index], name, 'secret', known.secrets);
  }
  for (const [index, name] of (needs.services ?? []).entries()) {
    requireName(rules, [...path, 'services', index], name, 'service', known.services);
  }
}
