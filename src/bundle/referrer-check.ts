import type { Finding, SameError } from '../errors/same-error.ts';
import type { Lock } from '../program/lock.ts';
import type { Program } from '../program/schema.ts';
import type { RunRecord } from '../runs/run-record.ts';
import { canonicalJson, parseCanonical, parseJson } from './canonical-json.ts';
import { type Descriptor, MEDIA } from './oci.ts';
import { parseManifest, sameTarget, subjectOf } from './oci-manifest.ts';
import { originAnnotations, parseOriginRecord } from './origin-artifact.ts';
import { parseReferrer, type Referrer, type ReferrerKind } from './referrer.ts';
import { isProblem, refusal } from './refusal.ts';
import { parseRunRecord, runAnnotations } from './run-artifact.ts';

/** The annotation of a layer of data that holds its pointer's name. */
export const DATA_NAME = 'dev.same.data.name';

const SIGNABLE: (string | undefined)[] = [MEDIA.run, MEDIA.verification];

/** @throws SAME1302 the index says another type of a manifest than it has, and it has one that is known (SAME-BND-021) */
export function refuseOtherType({ digest, artifactType }: Descriptor, bytes: Buffer): void {
  const own = parseManifest(bytes, `manifest ${digest}`).artifactType;
  if (own === artifactType || !(Object.values(MEDIA) as string[]).includes(own)) return;
  throw refusal('SAME-BND-021', `bundle: ${digest} is ${own}, while index.json says ${artifactType}`);
}

/** One of a bundle's programs, as far as it could be read. */
export interface CheckedProgram {
  self: Descriptor;
  program?: Program | undefined;
  lock?: Lock | undefined;
}

/** Checks what belongs to the programs of a bundle: to what it belongs, and what its record says. */
export class ReferrerCheck {
  readonly #programs: Map<string, CheckedProgram>;
  readonly #runFindings: ((record: unknown, label: string) => Finding[] | Promise<Finding[]>) | undefined;
  /** What a signature may be of, besides programs. */
  readonly #signable = new Map<string, Descriptor>();
  /** Records that were read, by digest, and the annotations that they give. */
  readonly #records = new Map<string, { kind: ReferrerKind; annotations: Record<string, string> }>();
  readonly #runIds = new Set<string>();
  readonly #withData = new Set<string>();

  /** @param referrers the other entries of the index */
  constructor(
    programs: readonly CheckedProgram[],
    referrers: readonly Descriptor[],
    runFindings?: (record: unknown, label: string) => Finding[] | Promise<Finding[]>,
  ) {
    this.#programs = new Map(programs.map((inside) => [inside.self.digest, inside]));
    this.#runFindings = runFindings;
    for (const self of referrers) {
      if (SIGNABLE.includes(self.artifactType)) this.#signable.set(self.digest, subjectOf(self));
    }
  }

  /** Reads the manifest that `self` of the index points at. @throws SAME1302 · SAME1307 it is none of a referrer */
  manifest(self: Descriptor, bytes: Buffer): Referrer & { problems: SameError[] } {
    refuseOtherType(self, bytes);
    const referrer = parseReferrer(bytes, `referrer ${self.digest}`);
    const { kind, subject } = referrer;
    const problems: SameError[] = [];
    const target =
      this.#programs.get(subject.digest)?.self ??
      (kind === 'signature' ? this.#signable.get(subject.digest) : undefined);
    if (!target) {
      const message = `bundle: ${kind} ${self.digest} is of ${subject.digest}, which is not in this bundle`;
      problems.push(refusal('SAME-BND-038', message));
    } else if (!sameTarget(target, subject) || target.artifactType !== subject.artifactType) {
      problems.push(refusal('SAME-BND-040', `bundle: the subject of ${kind} ${self.digest} is not as it is`));
    }
    if (kind === 'data') problems.push(...this.#dataProblems(self, referrer));
    return { ...referrer, problems };
  }

  /** What breaks SAME-BND-046: each layer is data that the program declares and lets travel, in order, once. */
  #dataProblems(self: Descriptor, { manifest, subject }: Referrer): SameError[] {
    const { program, lock } = this.#programs.get(subject.digest) ?? {};
    const problems: SameError[] = [];
    const refuse = (message: string) =>
      problems.push(refusal('SAME-BND-046', `bundle: data ${self.digest} ${message}`));
    if (this.#withData.has(subject.digest)) refuse(`is the second one of ${subject.digest}`);
    this.#withData.add(subject.digest);
    let last: string | undefined;
    for (const { digest, annotations = {} } of manifest.layers) {
      const { [DATA_NAME]: name, ...others } = annotations;
      if (name === undefined || Object.keys(others).length > 0) {
        refuse(`has a layer with other annotations than ${DATA_NAME}`);
        continue;
      }
      if (last !== undefined && name <= last)
        refuse(`has ${JSON.stringify(name)} after ${JSON.stringify(last)}`);
      last = name;
      if (!program) continue;
      const pointer = Object.hasOwn(program.data ?? {}, name) ? program.data![name]! : undefined;
      const stated =
        pointer?.digest ?? (Object.hasOwn(lock?.data ?? {}, name) ? lock!.data![name]!.digest : undefined);
      if (!pointer) refuse(`has data ${JSON.stringify(name)}, which the program does not declare`);
      else if (pointer.carry === 'never')
        refuse(`has data ${JSON.stringify(name)}, which the program carries never`);
      else if (digest !== stated)
        refuse(`has other bytes for ${JSON.stringify(name)} than ${stated ?? 'none stated'}`);
    }
    return problems;
  }

  /** Whether a record was read for another referrer of this kind. */
  hasRead({ kind }: Referrer, { digest }: Descriptor): boolean {
    return this.#records.get(digest)?.kind === kind;
  }

  /**
   * Checks a record; data has none.
   * @param bytes null when it {@link ReferrerCheck.hasRead | was read} before
   */
  async record(
    self: Descriptor,
    { kind, manifest, subject }: Referrer,
    layer: Descriptor,
    bytes: Buffer | null,
  ): Promise<SameError[]> {
    const label = `${kind} ${self.digest}`;
    const problems: SameError[] = [];
    if (bytes === null && kind === 'run')
      problems.push(refusal('SAME-BND-038', `bundle: ${label} has the record of another run of the bundle`));
    try {
      if (bytes)
        this.#records.set(layer.digest, {
          kind,
          annotations: await this.#read(kind, bytes, subject, label, problems),
        });
    } catch (error) {
      if (!isProblem(error)) throw error;
      return [...problems, error];
    }
    if (kind !== 'run' && kind !== 'origin') return problems;
    const { annotations } = this.#records.get(layer.digest)!;
    if (canonicalJson(manifest.annotations ?? {}) !== canonicalJson(annotations))
      problems.push(
        refusal('SAME-BND-040', `bundle: the annotations of ${label} are not those that its record gives`),
      );
    return problems;
  }

  async #read(
    kind: ReferrerKind,
    bytes: Buffer,
    subject: Descriptor,
    label: string,
    problems: SameError[],
  ): Promise<Record<string, string>> {
    if (kind === 'origin') return originAnnotations(parseOriginRecord(bytes, label));
    if (kind === 'verification') parseCanonical(bytes, label);
    if (kind === 'signature') parseJson(bytes, label);
    if (kind !== 'run') return {};
    const record = parseRunRecord(bytes, subject.digest, label);
    problems.push(...(await this.#runProblems(record, subject, label)));
    return runAnnotations(record);
  }

  async #runProblems(record: RunRecord, subject: Descriptor, label: string): Promise<SameError[]> {
    const messages = ((await this.#runFindings?.(record, label)) ?? []).map(({ message }) => message);
    if (messages.length === 0) {
      const { id, program, status } = record;
      const metadata = this.#programs.get(subject.digest)?.program?.metadata;
      if (metadata && (program.name !== metadata.name || program.version !== metadata.version)) {
        const [said, is] = [program, metadata].map(({ name, version }) => `${name}:${version}`);
        messages.push(`${label} says it is of ${said}; it is of ${is}`);
      }
      if (status === 'pending' || status === 'running')
        messages.push(`${label} is not over: it says ${status}`);
      if (this.#runIds.has(id)) messages.push(`${label} has the id of another run of the bundle, ${id}`);
      this.#runIds.add(id);
    }
    return messages.map((message) => refusal('SAME-BND-038', message));
  }
}
