import type { Path } from './document.ts';
import { type Rules, requirePath } from './manifest-rules.ts';
import { STREAMS } from './output-rules.ts';
import { normalPath } from './path.ts';
import type { Step } from './schema.ts';
import { pathText } from './schema-findings.ts';

/** Paths below the workdir: each belongs to one input or output alone (spec SAME-PIP-007). */
export function checkPlaces(rules: Rules, path: Path, step: Step): void {
  const places = [
    ...Object.entries(step.inputs ?? {}).map(([name, { at }]) => ({
      kind: 'input',
      name,
      at,
      where: [...path, 'inputs', name, 'at'],
    })),
    ...Object.entries(step.outputs ?? {}).map(([name, output]) => ({
      kind: 'output',
      name,
      at: output.path,
      where: [...path, 'outputs', name, 'path'],
    })),
  ];
  for (const name of Object.keys(step.outputs ?? {})) {
    requirePath(rules, [...path, 'outputs', name, 'path'], step.outputs![name]!.path);
    if (STREAMS.includes(name)) {
      rules.report(
        'SAME1005',
        [...path, 'outputs', name],
        `an output cannot be called ${name}`,
        'that is what the step prints: rename it',
        'key',
      );
    }
  }
  const taken = new Places();
  for (const { kind, name, at, where } of places) {
    if (at === undefined) continue;
    const normal = normalPath(at);
    const twin = normal === '' ? undefined : taken.overlapping(normal);
    if (normal === '')
      rules.report(
        'SAME1014',
        where,
        `${pathText(where)}: "${at}" is the whole workdir`,
        'name a file or directory in it',
      );
    else if (twin)
      rules.report(
        'SAME1005',
        where,
        `${kind} "${name}" and ${twin} lie at one place (${at})`,
        'give each a path of its own',
      );
    if (normal !== '') taken.add(normal, `${kind} "${name}"`);
  }
}

/** Normal paths with what lies there; asking for an overlap takes as long as the path has segments. */
class Places {
  readonly #at = new Map<string, { label: string; order: number }>();
  /** By directory, what was first put below it. */
  readonly #below = new Map<string, { label: string; order: number }>();

  add(path: string, label: string): void {
    const place = { label, order: this.#at.size };
    if (!this.#at.has(path)) this.#at.set(path, place);
    for (const directory of directoriesOf(path)) {
      if (!this.#below.has(directory)) this.#below.set(directory, place);
    }
  }

  /** The label of the first that is at the path, above it or below it. */
  overlapping(path: string): string | undefined {
    return [
      this.#at.get(path),
      this.#below.get(path),
      ...directoriesOf(path).map((each) => this.#at.get(each)),
    ]
      .filter((place) => place !== undefined)
      .sort((a, b) => a.order - b.order)[0]?.label;
  }
}

function directoriesOf(path: string): string[] {
  const directories: string[] = [];
  for (let at = path.indexOf('/'); at >= 0; at = path.indexOf('/', at + 1))
    directories.push(path.slice(0, at));
  return directories;
}
