import type { Finding } from '../../errors/same-error.ts';
import { paint, plain, plainLine } from './text.ts';

/** One problem as one line: code, message, place, hint. */
export function renderFinding(finding: Finding, colour: boolean): string {
  // What a tool printed may be several lines; none of them can pass for a finding of its own.
  const message = plain(finding.message).replaceAll('\n', '\n  ');
  const place = finding.place === undefined ? '' : ` (${plainLine(finding.place)})`;
  const hint = finding.hint === undefined ? '' : ` — ${plainLine(finding.hint)}`;
  return `${paint(finding.code, 'red', colour)} ${message}${place}${paint(hint, 'dim', colour)}`;
}
