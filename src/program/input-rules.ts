import { checkFanIn, groupsReadBy } from './cell-rules.ts';
import type { Path } from './document.ts';
import type { StepGroup } from './graph.ts';
import { namesAt, type Rules, requireName, requirePath } from './manifest-rules.ts';
import { requireOutput } from './output-rules.ts';
import type { Step } from './schema.ts';
import { pathText } from './schema-findings.ts';

/** The rules of a step's inputs: each comes from one place, which is there. */
export function checkInputs(rules: Rules, group: StepGroup, path: Path, step: Step): void {
  const groups = groupsReadBy(group);
  for (const [name, declared] of Object.entries(step.inputs ?? {})) {
    const { from, data, at } = declared;
    const input = [...path, 'inputs', name];
    if (from !== undefined && data !== undefined) {
      rules.report(
        'SAME1005',
        [...input, 'data'],
        `${pathText(input)} has from and data`,
        'keep one of them',
        'key',
      );
    } else if (from === undefined && data === undefined) {
      rules.report(
        'SAME1008',
        input,
        `${pathText(input)} has neither from nor data`,
        'write {from: STEP.OUTPUT} or {data: NAME}',
        'key',
      );
    }
    if (from !== undefined) requireOutput(rules, [...input, 'from'], from, groups);
    if (data !== undefined) requireName(rules, [...input, 'data'], data, 'data', namesAt(rules, 'data'));
    requirePath(rules, [...input, 'at'], at);
    checkFanIn(rules, groups, path, input, declared);
  }
}
