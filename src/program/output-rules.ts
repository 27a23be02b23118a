import { artifactReference } from './artifact-reference.ts';
import type { Path } from './document.ts';
import { isNameAt, namesAt, type Rules, requireName, suggestion } from './manifest-rules.ts';
import { pathText } from './schema-findings.ts';

/** Names of printed text: no output may have them. */
export const STREAMS: readonly string[] = ['stdout', 'stderr'];

/** Notes SAME1009 unless the text is `STEP.OUTPUT` of this program. `extra` are names that every step has besides. */
export function requireOutput(
  rules: Rules,
  path: Path,
  text: string,
  groups: readonly string[],
  extra: readonly string[] = [],
): void {
  const label = pathText(path);
  if (!text.includes('.')) {
    rules.report('SAME1009', path, `${label}: "${text}" is not STEP.OUTPUT`, 'write it like train.model');
    return;
  }
  const { step: name, output } = artifactReference(text);
  const group = groups.find((each) => isNameAt(rules, ['pipeline', each], name));
  if (group === undefined) {
    requireName(
      rules,
      path,
      name,
      'step',
      groups.flatMap((each) => namesAt(rules, 'pipeline', each)),
    );
    return;
  }
  if (isNameAt(rules, ['pipeline', group, name, 'outputs'], output) || extra.includes(output)) return;
  const outputs = namesAt(rules, 'pipeline', group, name, 'outputs');
  const hint = suggestion(output, [...outputs, ...extra], `declare it: outputs: {${output}: …}`);
  rules.report('SAME1009', path, `${label}: step "${name}" has no output "${output}"`, hint);
}
