import type { Path } from './document.ts';
import type { JsonValue } from './json.ts';

/** The maps of which an entry tells most by one field, and that field. */
const SHORT_FORMS: [RegExp, (text: string) => string][] = [
  [/^pipeline (steps|finally) \S+ inputs$/, (text) => (text.includes('.') ? 'from' : 'data')],
  [/^pipeline (steps|finally) \S+ outputs$/, () => 'path'],
  [/^(outputs|metrics)$/, () => 'from'],
  [/^data$/, () => 'uri'],
];

/**
 * How what stands as a text in the place of a map is written: `write parts: {from: split.parts}`.
 * @param path of the text in the manifest
 */
export function shortFormHint(path: Path, got: JsonValue): string | undefined {
  const name = path.at(-1);
  if (typeof got !== 'string' || got === '' || typeof name !== 'string') return undefined;
  const above = path.slice(0, -1).join(' ');
  const [, fieldOf] = SHORT_FORMS.find(([where]) => where.test(above)) ?? [];
  return fieldOf && `write ${plain(name)}: {${fieldOf(got)}: ${plain(got)}}`;
}

/** A text that YAML reads as one, also within a map on one line. */
function plain(text: string): string {
  return /^[A-Za-z_./][A-Za-z0-9_./-]*$/.test(text) ? text : JSON.stringify(text);
}
