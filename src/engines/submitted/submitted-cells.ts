import { canonicalJson, sha256 } from '../../bundle/canonical-json.ts';
import type { EngineEvent } from '../engine.ts';
import type { Compilation, CompiledStep } from '../kubernetes/compilation.ts';

/** Names of the cells of a run that are submitted, in the order of their slots. */
export type SubmittedCells = Readonly<Record<string, readonly string[]>>;

/** Which cells are run by what was compiled. */
export function cellsOf(steps: readonly CompiledStep[]): SubmittedCells {
  return Object.fromEntries(steps.map(({ step, cells }) => [step.name, cells.map(({ name }) => name)]));
}

/**
 * The same as a text for an annotation, as ranges of their numbers: `{"train":"0-9,12"}`; of a step that has no number
 * behind its name nothing.
 */
export function cellsText(cells: SubmittedCells): string {
  return JSON.stringify(
    Object.fromEntries(
      Object.entries(cells).map(([step, names]) => [
        step,
        ranges(names.flatMap((name) => (name === step ? [] : [Number(name.slice(step.length + 1))]))),
      ]),
    ),
  );
}

/** @returns undefined for what is no such text */
export function parseCells(text: string | undefined): SubmittedCells | undefined {
  try {
    const value = JSON.parse(text ?? '') as Record<string, string>;
    return Object.fromEntries(
      Object.entries(value).map(([step, of]) => [
        step,
        of === ''
          ? [step]
          : of
              .split(',')
              .flatMap((range) => numbersOf(range))
              .map((n) => `${step}.${n}`),
      ]),
    );
  } catch {
    // Somebody else's, called like ours.
    return undefined;
  }
}

/** What is told of a plan where these cells run, whatever is stored by now. */
export function toldWithout(told: readonly EngineEvent[], cells: SubmittedCells): EngineEvent[] {
  const submitted = new Set(Object.values(cells).flat());
  return told.filter((event) => event.type !== 'step-cached' || !submitted.has(event.step));
}

/** What something submitted is made from: another one for another plan, other cells or other content. */
export function identityOf({ plan, steps, platform }: Compilation): string {
  const parts = steps.map(({ step: { name }, cells, archives, code, image }) => ({
    name,
    image,
    cells: cells.map((cell) => cell.name),
    archives: archives.map((archive) => archive.name),
    ...(code ? { code: code.name } : {}),
  }));
  // Also the fields of a plan that are undefined are none.
  return sha256(canonicalJson(JSON.parse(JSON.stringify({ plan, platform, parts }))));
}

function ranges(numbers: readonly number[]): string {
  const found: [number, number][] = [];
  for (const number of numbers) {
    const last = found.at(-1);
    if (last && last[1] + 1 === number) last[1] = number;
    else found.push([number, number]);
  }
  return found.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(',');
}

function numbersOf(range: string): number[] {
  const [from, to = from] = range.split('-').map(Number) as [number, number?];
  return Array.from({ length: to! - from + 1 }, (_, index) => from + index);
}
