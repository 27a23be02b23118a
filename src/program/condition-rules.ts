import { namesInCondition, parseCondition } from './condition.ts';
import type { Path } from './document.ts';
import { namesAt, type Rules, suggestion } from './manifest-rules.ts';
import { pathText } from './schema-findings.ts';

/** The rules of a condition: it can be parsed, and its names are parameters or the step's dimensions. */
export function checkCondition(rules: Rules, at: Path, text: string, dimensions: readonly string[]): void {
  const label = pathText(at);
  const parsed = parseCondition(text);
  if ('problem' in parsed) {
    const { message, hint } = parsed.problem;
    rules.report('SAME1010', at, `${label}: ${message}`, hint);
    return;
  }
  const parameters = namesAt(rules, 'parameters');
  const known = { parameters, matrix: dimensions };
  const said = new Set<string>();
  for (const { name, of } of namesInCondition(parsed.condition)) {
    const candidates = of === undefined ? [...parameters, ...dimensions] : known[of];
    const written = of === undefined ? name : `${of}.${name}`;
    if (candidates.includes(name) || said.has(written)) continue;
    said.add(written);
    const quoted = of === undefined ? `; text is written "${name}"` : '';
    const hint = suggestion(name, candidates, 'the program has no parameters, and the step no dimensions');
    rules.report('SAME1010', at, `${label}: "${written}" leads nowhere`, `${hint}${quoted}`);
  }
}
