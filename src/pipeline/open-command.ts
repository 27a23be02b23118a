import type { JsonObject } from '../program/json.ts';
import { parseTemplate, type TemplatePart } from '../program/template.ts';
import { flagWords, planCommand } from './command.ts';
import type { CommandPart, PlannedCommand } from './plan.ts';

/**
 * A step's command in which the values of some parameters are still open: places of the same kind as those of dimensions.
 * @param open their names
 */
export function openCommand(
  run: string | string[],
  parameters: JsonObject,
  open: ReadonlySet<string>,
): PlannedCommand {
  const names = Object.keys(parameters).sort();
  /** The words that `{{flags}}` is. */
  const flags = (shell: boolean): CommandPart[][] =>
    names.flatMap((name): CommandPart[][] => {
      if (open.has(name)) return [[`--${name}=`, { matrix: name }]];
      const one = { [name]: parameters[name]! };
      return flagWords(one).map((word) => (shell ? partsOf({ flags: true }, one, shell) : [word]));
    });
  const partsOf = (part: TemplatePart, values: JsonObject, shell: boolean): CommandPart[] => {
    // Each part by itself is what it is among others.
    const planned = planCommand(shell ? written(part) : [written(part)], values);
    return 'shell' in planned ? planned.shell : planned.exec[0]!;
  };
  const fill = (part: TemplatePart, shell: boolean): CommandPart[] => {
    if (typeof part === 'string') return [part];
    if ('path' in part && part.path[0] === 'parameters' && open.has(part.path[1]))
      return [{ matrix: part.path[1] }];
    if (!('flags' in part)) return partsOf(part, parameters, shell);
    return flags(shell).flatMap((word, index) => (index === 0 ? word : [' ', ...word]));
  };
  if (typeof run === 'string') return { shell: parseTemplate(run).parts.flatMap((part) => fill(part, true)) };
  return {
    exec: run.flatMap((word) => {
      const { parts } = parseTemplate(word);
      const [only] = parts;
      if (parts.length === 1 && typeof only !== 'string' && 'flags' in only!) return flags(false);
      return [parts.flatMap((part) => fill(part, false))];
    }),
  };
}

function written(part: TemplatePart): string {
  if (typeof part === 'string') return part;
  if ('path' in part) return `{{${part.path.join('.')}}}`;
  return 'flags' in part ? '{{flags}}' : '{{scratch}}';
}
