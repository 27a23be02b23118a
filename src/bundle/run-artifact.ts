import type { ContentStore } from '../content/content-store.ts';
import { SameError } from '../errors/same-error.ts';
import type { RunRecord } from '../runs/run-record.ts';
import { canonicalBytes } from './canonical-json.ts';
import { type Descriptor, MEDIA } from './oci.ts';
import { storeDocument, storeEmptyConfig, storeManifest, subjectOf } from './oci-manifest.ts';
import { openReferrer, parseRecord } from './referrer.ts';
import { refusal } from './refusal.ts';

/** The annotation that holds a run's id. */
export const RUN_ID = 'dev.same.run.id';
/** Most bytes of metrics in the annotations of a run. */
const METRICS_BYTES = 512;

/**
 * Stores a run as an OCI artifact that refers to its program. Its annotations (id, status, some metrics) let a
 * registry's listing do without the record.
 * @returns the descriptor of the run's manifest.
 */
export async function runArtifact(
  record: RunRecord,
  subject: Descriptor,
  store: ContentStore,
): Promise<Descriptor> {
  if (record.program.digest !== subject.digest) {
    throw new SameError({
      code: 'SAME7001',
      message: `run ${record.id} is of ${record.program.digest}, not of ${subject.digest}`,
    });
  }
  return storeManifest(
    {
      schemaVersion: 2,
      mediaType: MEDIA.ociManifest,
      artifactType: MEDIA.run,
      config: await storeEmptyConfig(store),
      layers: [await storeDocument(record, MEDIA.runRecord, store)],
      subject: subjectOf(subject),
      annotations: runAnnotations(record),
    },
    store,
  );
}

/** The annotations that a record gives its artifact (SAME-BND-017). */
export function runAnnotations(record: RunRecord): Record<string, string> {
  const metrics = metricsText(record);
  return {
    [RUN_ID]: record.id,
    'dev.same.run.status': record.status,
    ...(metrics === '' ? {} : { 'dev.same.run.metrics': metrics }),
  };
}

/** Whether two records say the same in every field. */
export function isSameRun(a: RunRecord, b: RunRecord): boolean {
  return canonicalBytes(a).equals(canonicalBytes(b));
}

/** Opens a stored run. @throws SAME1305, SAME1301 · SAME1302 it is not a run, or not of its subject */
export async function openRun(
  digest: string,
  store: ContentStore,
): Promise<{ record: RunRecord; subject: Descriptor }> {
  const { recordBytes, subject } = await openReferrer(digest, MEDIA.run, store);
  return { record: parseRunRecord(recordBytes, subject.digest, `run ${digest}`), subject };
}

/** Reads a run record that must be of the program `subject`. @throws SAME1302 */
export function parseRunRecord(bytes: Uint8Array, subject: string, label: string): RunRecord {
  const record = parseRecord(bytes, 'Run', label) as unknown as RunRecord;
  const fault =
    typeof record.id !== 'string' || !/^[0-9A-Za-z][0-9A-Za-z._-]{0,127}$/.test(record.id)
      ? 'has no id'
      : typeof record.status !== 'string'
        ? 'has no status'
        : record.program?.digest !== subject
          ? `is of program ${String(record.program?.digest)}, while its subject is ${subject}`
          : !Array.isArray(record.steps) || !Array.isArray(record.metrics) || !Array.isArray(record.claims)
            ? 'has no steps, metrics or claims'
            : undefined;
  if (fault) throw refusal('SAME-BND-038', `${label} ${fault}`);
  return record;
}

/** `step.name=value` of as many metrics as fit, in the record's order. */
function metricsText({ metrics }: RunRecord): string {
  let text = '';
  for (const { name, step, value } of metrics) {
    const next = `${text === '' ? '' : ' '}${step}.${name}=${value}`;
    if (Buffer.byteLength(text + next) > METRICS_BYTES) break;
    text += next;
  }
  return text;
}
