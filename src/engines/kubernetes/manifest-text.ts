import type { JsonValue } from '../../program/json.ts';
import type { ClusterObject } from './compilation.ts';

/** Words that YAML 1.1, which clusters read, takes for something else. */
const NOT_TEXT = /^(y|n|yes|no|on|off|true|false|null)$/i;

/** Objects as the documents of one YAML file, the same bytes for the same objects. */
export function manifestText(objects: readonly ClusterObject[], comments: readonly string[]): string {
  const head = comments.map((line) => `# ${line}\n`).join('');
  return head + objects.map((object) => `---\n${fields(object as JsonValue, '')}`).join('');
}

function fields(value: JsonValue, indent: string): string {
  if (Array.isArray(value))
    return value
      .map((item) => {
        const nested = isNested(item);
        // A field of a thing in a list stands on the line of its dash.
        return nested
          ? `${indent}- ${fields(item, `${indent}  `).slice(indent.length + 2)}`
          : `${indent}- ${scalar(item, indent)}\n`;
      })
      .join('');
  return Object.entries(value as Record<string, JsonValue | undefined>)
    .map(([name, field]) => {
      if (field === undefined) return '';
      const key = `${indent}${text(name)}:`;
      return isNested(field)
        ? `${key}\n${fields(field, `${indent}  `)}`
        : `${key} ${scalar(field, indent)}\n`;
    })
    .join('');
}

function isNested(value: JsonValue): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length > 0;
}

function scalar(value: JsonValue, indent: string): string {
  if (typeof value !== 'string') return Array.isArray(value) ? '[]' : JSON.stringify(value);
  if (!/^[!-~][\n -~]*[!-~]\n$/.test(value)) return text(value);
  return `|\n${value.trimEnd().replaceAll(/^(?=.)/gm, `${indent}  `)}`;
}

function text(value: string): string {
  if (/^[A-Za-z/][A-Za-z0-9._/@-]*$/.test(value) && !NOT_TEXT.test(value)) return value;
  return JSON.stringify(value).replaceAll(
    /[^ -~]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
