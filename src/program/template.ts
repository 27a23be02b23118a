import type { Finding } from '../errors/same-error.ts';
import { nearest } from '../errors/suggestion.ts';

/** A part of a command's text: literal, or something the plan or the engine fills in. */
export type TemplatePart =
  | string
  | { path: [kind: TemplateKind, name: string] }
  | { flags: true }
  | { scratch: true };

/** What a template path may start with. */
export type TemplateKind = 'parameters' | 'matrix' | 'inputs' | 'outputs';

const KINDS: readonly string[] = ['parameters', 'matrix', 'inputs', 'outputs'];
const WORDS: readonly string[] = ['flags', 'scratch'];

/**
 * Splits `{{…}}` from literal text (spec chapter program, section Templates). Whether a path leads somewhere is for the
 * manifest's rules; a part that is no template at all stays literal and has a finding (SAME1010).
 */
export function parseTemplate(text: string): { parts: TemplatePart[]; findings: Finding[] } {
  const parts: TemplatePart[] = [];
  const findings: Finding[] = [];
  let from = 0;
  while (from < text.length) {
    const open = text.indexOf('{{', from);
    if (open < 0) {
      parts.push(text.slice(from));
      break;
    }
    if (open > from) parts.push(text.slice(from, open));
    const close = text.indexOf('}}', open + 2);
    if (close < 0) {
      parts.push(text.slice(open));
      findings.push({
        code: 'SAME1010',
        message: `"${excerpt(text.slice(open))}" is not closed`,
        hint: 'end it with }}',
      });
      break;
    }
    const whole = text.slice(open, close + 2);
    const part = partOf(whole.slice(2, -2).trim());
    if (part) parts.push(part);
    else {
      parts.push(whole);
      findings.push(unknown(whole));
    }
    from = close + 2;
  }
  return { parts, findings };
}

function partOf(expression: string): TemplatePart | undefined {
  if (expression === 'flags') return { flags: true };
  if (expression === 'scratch') return { scratch: true };
  const [kind, name, ...more] = expression.split('.');
  if (more.length > 0 || name === undefined || !KINDS.includes(kind!)) return undefined;
  return /^[A-Za-z][A-Za-z0-9_-]*$/.test(name) ? { path: [kind as TemplateKind, name] } : undefined;
}

function unknown(whole: string): Finding {
  const expression = whole.slice(2, -2).trim();
  const dot = expression.indexOf('.');
  const head = dot < 0 ? expression : expression.slice(0, dot);
  const guess = nearest(head, dot < 0 ? WORDS : KINDS);
  return {
    code: 'SAME1010',
    message: `${excerpt(whole)} is no known template`,
    hint:
      guess === undefined || guess === head
        ? 'known: {{parameters.NAME}}, {{matrix.NAME}}, {{inputs.NAME}}, {{outputs.NAME}}, {{flags}}, {{scratch}}'
        : `did you mean {{${guess}${dot < 0 ? '' : expression.slice(dot)}}}?`,
  };
}

function excerpt(text: string): string {
  return text.length <= 60 ? text : `${text.slice(0, 57)}...`;
}
