import type { Finding } from '../../errors/same-error.ts';
import { paint, plain } from './text.ts';

/** One problem as one line: code, message, place, hint. */
export function renderFinding(finding: Finding, colour: boolean): string {
  const place = finding.place === undefined ? '' : ` (${plain(finding.place)})`;
  const hint = finding.hint === undefined ? '' : ` — ${plain(finding.hint)}`;
  return `${paint(finding.code, 'red', colour)} ${plain(finding.message)}${place}${paint(hint, 'dim', colour)}`;
}
