import { artifactReference } from './artifact-reference.ts';
import { ITEM, MOST_CELLS, MOST_CELLS_IN_ALL } from './cells.ts';
import { checkCondition } from './condition-rules.ts';
import type { Path } from './document.ts';
import type { StepGroup } from './graph.ts';
import { type JsonValue, stableText } from './json.ts';
import { isNameAt, namesAt, type Rules } from './manifest-rules.ts';
import { requireOutput } from './output-rules.ts';
import type { Step, StepInput } from './schema.ts';
import { pathText, valueAt } from './schema-findings.ts';
import { shown } from './value.ts';

/** The groups whose steps a step may read from. */
export function groupsReadBy(group: StepGroup): readonly StepGroup[] {
  return group === 'steps' ? ['steps'] : ['steps', 'finally'];
}

/** The names of the dimensions of the step at a path, also where they have findings; none for a step that runs once. */
export function dimensionsAt(rules: Rules, step: readonly string[]): string[] {
  const names = namesAt(rules, ...step, 'matrix');
  return names.length === 0 && isNameAt(rules, step, 'foreach') ? [ITEM] : names;
}

/** The rules of `matrix`, `foreach`, `parallel` and `when` (spec SAME-PIP-031 to 034, 038, 039). */
export function checkCells(rules: Rules, group: StepGroup, path: Path, step: Step): void {
  const dimensions = dimensionsAt(rules, path.map(String));
  checkMatrix(rules, path, step.matrix ?? {});
  if (step.matrix && Object.keys(step.matrix).length === 0 && dimensions.length === 0) {
    const at = [...path, 'matrix'];
    rules.report(
      'SAME1008',
      at,
      `${pathText(at)} has no dimension`,
      'write it like {seed: [0, 1, 2]}',
      'key',
    );
  }
  if (step.foreach !== undefined) checkForeach(rules, group, path, step.foreach);
  if (
    step.parallel !== undefined &&
    dimensions.length === 0 &&
    !isNameAt(rules, path.map(String), 'matrix')
  ) {
    const at = [...path, 'parallel'];
    const message = `${pathText(at)}: the step runs once`;
    rules.report('SAME1005', at, message, 'remove it, or declare matrix or foreach', 'key');
  }
  if (step.when !== undefined) checkCondition(rules, [...path, 'when'], step.when, dimensions);
}

/** All the combinations of a program together, at `pipeline` (spec SAME-PIP-038). */
export function checkCellCount(rules: Rules): void {
  const { steps, finally: last } = rules.program.pipeline;
  const counts = Object.values({ ...steps, ...last }).flatMap(({ matrix }) =>
    matrix ? [Object.values(matrix).reduce((count, { length }) => count * length, 1)] : [],
  );
  // What is too much in one step has been said of it.
  const cells = counts.reduce((sum, count) => sum + (count > MOST_CELLS ? 0 : count), 0);
  if (cells <= MOST_CELLS_IN_ALL) return;
  const message = `pipeline has ${cells} combinations in all, more than ${MOST_CELLS_IN_ALL}`;
  rules.report('SAME1005', ['pipeline'], message, 'make one step do several of them', 'key');
}

function checkMatrix(rules: Rules, path: Path, matrix: Record<string, JsonValue[]>): void {
  const variables = new Map<string, string>();
  let cells = 1;
  for (const [name, values] of Object.entries(matrix)) {
    const at = [...path, 'matrix', name];
    checkValues(rules, at, values);
    cells *= values.length;
    const variable = name.toUpperCase().replaceAll('-', '_');
    const twin = variables.get(variable);
    if (twin !== undefined) {
      const message = `${pathText(at)}: dimensions "${twin}" and "${name}" are one variable, SAME_MATRIX_${variable}`;
      rules.report('SAME1005', at, message, 'rename one', 'key');
    }
    variables.set(variable, name);
  }
  if (cells <= MOST_CELLS) return;
  const at = [...path, 'matrix'];
  const message = `${pathText(at)} has ${cells} combinations, more than ${MOST_CELLS}`;
  rules.report('SAME1005', at, message, 'split it, or make one step do several of them', 'key');
}

function checkValues(rules: Rules, at: Path, values: readonly JsonValue[]): void {
  const seen = new Set<string>();
  for (const [index, value] of values.entries()) {
    const place = [...at, index];
    const text = stableText(value);
    if (seen.has(text)) {
      const message = `${pathText(place)}: ${shown(value)} is there twice`;
      rules.report('SAME1005', place, message, 'the values of a dimension are different');
    }
    seen.add(text);
    if (typeof value === 'string' && value.includes('\0'))
      rules.report('SAME1005', place, `${pathText(place)} has a NUL byte`);
  }
}

function checkForeach(rules: Rules, group: StepGroup, path: Path, foreach: string): void {
  const at = [...path, 'foreach'];
  const groups = groupsReadBy(group);
  if (isNameAt(rules, path.map(String), 'matrix')) {
    const message = `${pathText(path)} has matrix and foreach`;
    rules.report('SAME1005', at, message, 'keep one of them', 'key');
    return;
  }
  requireOutput(rules, at, foreach, groups);
  const { step } = artifactReference(foreach);
  const source = groups.find((each) => isNameAt(rules, ['pipeline', each], step));
  if (source === undefined || dimensionsAt(rules, ['pipeline', source, step]).length === 0) return;
  const message = `${pathText(at)}: step "${step}" runs more than once, and its output is a directory`;
  rules.report('SAME1005', at, message, 'let another step write one list');
}

/** The rules of an input from a step with cells: it must be clear which of them it takes (spec SAME-PIP-040, 041). */
export function checkFanIn(
  rules: Rules,
  groups: readonly StepGroup[],
  reader: Path,
  at: Path,
  { from, cells }: StepInput,
): void {
  const { step } = artifactReference(from ?? '');
  const group = groups.find((each) => isNameAt(rules, ['pipeline', each], step));
  const source = group === undefined ? [] : dimensionsAt(rules, ['pipeline', group, step]);
  const own = new Set(dimensionsAt(rules, reader.map(String)));
  const shared = source.filter((name) => own.has(name));
  if (cells === undefined && shared.length > 0 && !isNameAt(rules, at.map(String), 'cells')) {
    const message = `${pathText(at)}: both steps have ${shared.join(' and ')}, so it is not clear which cells of ${step} it takes`;
    rules.report(
      'SAME1008',
      at,
      message,
      'write cells: matching for those with the same values, or cells: all',
      'key',
    );
  }
  if (cells === undefined) return;
  const place = [...at, 'cells'];
  const refuse = (message: string, hint: string) =>
    rules.report('SAME1005', place, `${pathText(place)}: ${message}`, hint);
  if (group === undefined) {
    if (from === undefined) refuse('data has no cells', 'remove it');
  } else if (source.length === 0) refuse(`step "${step}" runs once`, 'remove it');
  else if (cells === 'matching' && shared.length === 0) {
    refuse(
      `the step and "${step}" have no dimension in common`,
      `dimensions of ${step}: ${source.join(', ')}`,
    );
  } else if (cells === 'matching') checkMatching(rules, place, reader, ['pipeline', group, step], shared);
}

/** Every value of the reading step must be one of the other's: a cell that nothing matches could never start. */
function checkMatching(rules: Rules, place: Path, reader: Path, source: Path, shared: string[]): void {
  for (const name of shared) {
    const [wanted, there] = [reader, source].map((step) => valueAt(rules.value, [...step, 'matrix', name]));
    if (!Array.isArray(wanted) || !Array.isArray(there)) continue;
    const known = new Set(there.map(stableText));
    const missing = wanted.find((value) => !known.has(stableText(value)));
    if (missing === undefined) continue;
    const message = `${pathText(place)}: ${String(source.at(-1))} has no cell with ${name} ${shown(missing)}`;
    rules.report('SAME1005', place, message, `its values: ${there.slice(0, 10).map(shown).join(', ')}`);
  }
}
