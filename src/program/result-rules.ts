import { dimensionsAt } from './cell-rules.ts';
import type { Path } from './document.ts';
import type { JsonValue } from './json.ts';
import { namesAt, type Rules, requireName } from './manifest-rules.ts';
import { requireOutput, STREAMS } from './output-rules.ts';
import { checkParameterValue } from './parameter-rules.ts';
import { matchParameter } from './parameters.ts';
import { patternProblem } from './pattern.ts';
import type { Claim, MetricSource } from './schema.ts';
import { pathText, valueAt } from './schema-findings.ts';

const GROUPS = ['steps', 'finally'];

/** The rules of `outputs`, `metrics` and `claims` that the schema cannot say. */
export function checkResults(rules: Rules): void {
  for (const [name, { from }] of Object.entries(rules.program.outputs ?? {})) {
    requireOutput(rules, ['outputs', name, 'from'], from, GROUPS);
  }
  for (const [name, source] of Object.entries(rules.program.metrics ?? {})) {
    checkMetric(rules, ['metrics', name], source);
  }
  const dimensions = dimensionsOf(rules);
  const ids = new Set<string>();
  for (const [index, claim] of (rules.program.claims ?? []).entries()) {
    if (ids.has(claim.id)) {
      rules.report(
        'SAME1005',
        ['claims', index, 'id'],
        `claim "${claim.id}" is there twice`,
        'each claim has an id of its own',
      );
    }
    ids.add(claim.id);
    checkClaim(rules, ['claims', index], claim, dimensions);
  }
}

function checkMetric(rules: Rules, path: Path, source: MetricSource): void {
  const { from, json, regex, take } = source;
  const label = pathText(path);
  requireOutput(rules, [...path, 'from'], from, GROUPS, STREAMS);
  if (json !== undefined && regex !== undefined) {
    rules.report('SAME1005', [...path, 'regex'], `${label} has json and regex`, 'keep one of them', 'key');
  }
  if (json === undefined && regex === undefined && !isMetricsOutput(rules, from)) {
    rules.report(
      'SAME1008',
      path,
      `${label} says neither json nor regex`,
      'say where in the text the figure is, for instance json: /test/per',
      'key',
    );
  }
  if (json !== undefined && !/^(\/([^~]|~[01])*)?$/.test(json)) {
    rules.report(
      'SAME1005',
      [...path, 'json'],
      `${label}.json: "${json}" is not a JSON pointer`,
      'write it like /test/per',
    );
  }
  const problem = regex === undefined ? undefined : patternProblem(regex);
  if (problem !== undefined) {
    rules.report(
      'SAME1005',
      [...path, 'regex'],
      `${label}.regex: ${problem}`,
      'patterns are RE2 syntax: no look-around, no back-references',
    );
  }
  if (take !== undefined && regex === undefined) {
    rules.report(
      'SAME1005',
      [...path, 'take'],
      `${label} has take without regex`,
      'take chooses among the matches of a regex',
      'key',
    );
  }
}

/** Of an output of kind metrics the whole file may be the figure; of anything else nobody knows where it is. */
function isMetricsOutput(rules: Rules, from: string): boolean {
  const [step = '', output = ''] = from.split('.');
  return GROUPS.some(
    (group) => valueAt(rules.value, ['pipeline', group, step, 'outputs', output, 'kind']) === 'metrics',
  );
}

/** The names of the dimensions of all steps. */
function dimensionsOf(rules: Rules): Set<string> {
  return new Set(
    GROUPS.flatMap((group) =>
      namesAt(rules, 'pipeline', group).flatMap((step) => dimensionsAt(rules, ['pipeline', group, step])),
    ),
  );
}

function checkClaim(rules: Rules, path: Path, claim: Claim, dimensions: ReadonlySet<string>): void {
  if (claim.profile !== undefined) {
    requireName(rules, [...path, 'profile'], claim.profile, 'profile', namesAt(rules, 'profiles'));
  }
  const parameters = namesAt(rules, 'parameters');
  const declared = rules.program.parameters ?? {};
  for (const [key, value] of Object.entries(claim.given ?? {}) as [string, JsonValue][]) {
    const at = [...path, 'given', key];
    if (dimensions.has(key) || parameters.includes(key)) {
      if (!dimensions.has(key)) checkParameterValue(rules, at, key, value, `claim "${claim.id}"`);
      continue;
    }
    const twin = matchParameter(declared, key);
    if (twin === undefined)
      requireName(rules, at, key, 'parameter or matrix value', [...parameters, ...dimensions], 'key');
    else
      rules.report(
        'SAME1009',
        at,
        `${pathText(at)}: the parameter is spelt "${twin}"`,
        `write ${twin}`,
        'key',
      );
  }
  if (claim.over !== undefined) {
    requireName(rules, [...path, 'over'], claim.over, 'parameter or matrix value', [
      ...parameters,
      ...dimensions,
    ]);
  }
}
