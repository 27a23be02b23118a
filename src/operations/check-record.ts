import { canonicalBytes } from '../bundle/canonical-json.ts';
import { parseRunRecord } from '../bundle/run-artifact.ts';
import { type Finding, SameError } from '../errors/same-error.ts';
import type { Program } from '../program/schema.ts';
import type { StoredRun } from '../runs/run-store.ts';
import type { Ports } from './ports.ts';

/**
 * Why a run's files hold no record of it, as SAME1612 with the run as place: a listing only looks at the outline.
 * @param metadata of the program of a run that shall travel: then it must also be what import takes (SAME-BND-038).
 */
export async function recordFindings(
  ports: Ports,
  { record, own }: StoredRun,
  metadata?: Program['metadata'],
): Promise<Finding[]> {
  const label = `run ${record.id}`;
  // What goes on has no id for people yet.
  const going = !metadata && record.finishedAt === undefined && record.display === '';
  const found = await ports.checkRunRecord(going ? { ...record, display: record.id } : record, label);
  const messages = found.map(({ message }) => message);
  if (messages.length === 0) messages.push(...canonicalFaults(record, label));
  const { name, version } = record.program;
  if (metadata && (name !== metadata.name || version !== metadata.version))
    messages.push(`${label} says it is of ${name}:${version}; it is of ${metadata.name}:${metadata.version}`);
  const hint = own ? `remove it with: same delete run ${record.id}` : 'import its bundle again';
  return messages.map((message) => ({
    code: 'SAME1612',
    message,
    place: record.id,
    hint: metadata ? `leave it out with --history none or --history ID of another run, or ${hint}` : hint,
    clause: 'SAME-RUN-008',
  }));
}

/** Text and figures that JSON can say, but canonical JSON cannot. */
function canonicalFaults(record: StoredRun['record'], label: string): string[] {
  try {
    parseRunRecord(canonicalBytes(record), record.program.digest, label);
    return [];
  } catch (error) {
    if (!(error instanceof SameError)) throw error;
    return error.findings.map(({ message }) => `${label} is no run record: ${message}`);
  }
}
