import { checkCellCount, checkCells } from './cell-rules.ts';
import { checkResources, checkStepNeeds, requireQuantity } from './declaration-rules.ts';
import { checkStepGraph, type StepGroup } from './graph.ts';
import { checkInputs } from './input-rules.ts';
import { isJsonObject } from './json.ts';
import { isNameAt, namesAt, type Rules, requireName, requirePath } from './manifest-rules.ts';
import { checkPlaces } from './place-rules.ts';
import { parseDuration } from './quantity.ts';
import { checkRun } from './run-rules.ts';
import type { Step } from './schema.ts';
import { valueAt } from './schema-findings.ts';

/** The rules of `pipeline` that the schema cannot say. */
export function checkPipeline(rules: Rules): void {
  const steps = namesAt(rules, 'pipeline', 'steps');
  if (steps.length === 0 && isJsonObject(valueAt(rules.value, ['pipeline', 'steps']))) {
    rules.report(
      'SAME1008',
      ['pipeline', 'steps'],
      'pipeline.steps has no step',
      'a program has at least one step with run',
      'key',
    );
  }
  for (const name of namesAt(rules, 'pipeline', 'finally')) {
    if (!isNameAt(rules, ['pipeline', 'steps'], name)) continue;
    rules.report(
      'SAME1005',
      ['pipeline', 'finally', name],
      `step "${name}" is in steps and in finally`,
      'rename one',
      'key',
    );
  }
  for (const group of ['steps', 'finally'] as const) {
    for (const [name, step] of Object.entries(rules.program.pipeline[group] ?? {}))
      checkStep(rules, group, name, step);
    for (const { code, message, hint, place } of checkStepGraph(rules.program, (step) => step, group)) {
      rules.report(code, ['pipeline', group, place!], message, hint, 'key');
    }
  }
  checkCellCount(rules);
}

function checkStep(rules: Rules, group: StepGroup, name: string, step: Step): void {
  const path = ['pipeline', group, name];
  if (step.environment !== undefined && step.environment !== 'default') {
    requireName(
      rules,
      [...path, 'environment'],
      step.environment,
      'environment',
      namesAt(rules, 'environments'),
    );
  }
  requirePath(rules, [...path, 'workdir'], step.workdir);
  checkInputs(rules, group, path, step);
  checkCells(rules, group, path, step);
  checkPlaces(rules, path, step);
  for (const [index, parameter] of (step.parameters ?? []).entries()) {
    requireName(rules, [...path, 'parameters', index], parameter, 'parameter', namesAt(rules, 'parameters'));
  }
  for (const [index, glob] of (step.code ?? []).entries()) requirePath(rules, [...path, 'code', index], glob);
  checkStepNeeds(rules, path, step, {
    secrets: namesAt(rules, 'secrets'),
    services: namesAt(rules, 'services'),
  });
  requireQuantity(rules, [...path, 'timeout'], step.timeout, parseDuration);
  requireQuantity(rules, [...path, 'retries', 'backoff'], step.retries?.backoff, parseDuration);
  checkResources(rules, [...path, 'resources'], step.resources);
  checkRun(rules, path, step);
}
