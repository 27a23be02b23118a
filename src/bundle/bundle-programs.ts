import { throwFindings } from '../errors/same-error.ts';
import type { Lock } from '../program/lock.ts';
import type { Program } from '../program/schema.ts';
import { isDerivedFrom } from './ancestry.ts';
import type { BundleBlobs } from './bundle-blobs.ts';
import type { BundleRules } from './bundle-reader.ts';
import { canonicalJson, parseCanonical } from './canonical-json.ts';
import { type AskedLayer, askedLayers, openCheck } from './coming-layers.ts';
import type { LayerCheck } from './layer-check.ts';
import { blobPath } from './layout.ts';
import type { Descriptor, OciManifest } from './oci.ts';
import { programAnnotations } from './program-artifact.ts';
import {
  layerOf,
  type ProgramConfig,
  parseProgramConfig,
  parseProgramManifest,
  refuseLater,
} from './program-config.ts';
import { refuseOtherType } from './referrer-check.ts';

/** One of a bundle's programs, as far as it could be read. */
export interface ProgramInside {
  self: Descriptor;
  manifest: OciManifest;
  /** Checked against its `same.yaml`. */
  config?: ProgramConfig;
  lock?: Lock;
}

/** Reads the programs of a bundle, the one that it is of first. */
export class BundlePrograms {
  readonly #blobs: BundleBlobs;
  readonly #rules: BundleRules;
  readonly #selected = new Map<string, string | undefined>();
  /** Documents of the first program's code layer that are copied to the root, once that was read. */
  documents: Map<string, Buffer> | undefined;

  constructor(blobs: BundleBlobs, rules: BundleRules) {
    this.#blobs = blobs;
    this.#rules = rules;
  }

  /** Reads one with its layers; undefined when its manifest cannot be read, which has been reported. */
  async open(self: Descriptor): Promise<ProgramInside | undefined> {
    const label = `program ${self.digest}`;
    const bytes = await this.#blobs.document(self, 'json');
    const manifest =
      bytes &&
      (await this.#blobs.try(blobPath(self.digest), 'SAME-BND-014', () => {
        refuseOtherType(self, bytes);
        return parseProgramManifest(bytes, label);
      }));
    if (!manifest) return undefined;
    const configBytes = await this.#blobs.document(manifest.config, 'json');
    const config =
      configBytes &&
      (await this.#blobs.try(blobPath(manifest.config.digest), 'SAME-BND-014', () =>
        parseProgramConfig(configBytes, manifest, `config of ${label}`),
      ));
    const yaml = await this.#blobs.document(layerOf(manifest, 'manifest')!, 'yaml');
    const value =
      config &&
      yaml &&
      (await this.#blobs.try('same.yaml', undefined, () => this.#rules.canonicalOfYaml(yaml)));
    const isSo = value !== undefined && canonicalJson(value) === canonicalJson(config!.manifest);
    if (value !== undefined && !isSo) {
      const message = `the config of ${label} is not the canonical form of its same.yaml`;
      this.#blobs.refuse('SAME-BND-015', blobPath(manifest.config.digest), message);
    }
    const lock = await this.#lock(manifest, label);
    const inside: ProgramInside = {
      self,
      manifest,
      ...(isSo ? { config: config! } : {}),
      ...(lock ? { lock } : {}),
    };
    await this.#layers(inside, label);
    if (isSo) {
      const expected = programAnnotations(programOf(inside)!);
      if (canonicalJson(manifest.annotations ?? {}) !== canonicalJson(expected)) {
        const message = `the annotations of ${label} are not those that its metadata gives`;
        this.#blobs.refuse('SAME-BND-040', blobPath(self.digest), message);
      }
    }
    return inside;
  }

  async #lock(manifest: OciManifest, label: string): Promise<Lock | undefined> {
    const layer = layerOf(manifest, 'lock');
    const bytes = layer && (await this.#blobs.document(layer, 'json'));
    if (!bytes) return undefined;
    return this.#blobs.try(blobPath(layer.digest), 'SAME-PRG-045', async () => {
      const lock = parseCanonical(bytes, `same.lock of ${label}`) as unknown as Lock;
      refuseLater(lock, `same.lock of ${label}`);
      const findings = (await this.#rules.lockFindings?.(bytes)) ?? [];
      throwFindings(findings);
      return lock;
    });
  }

  /** The code layer, and the infrastructure layer, which holds those of its files that are below targets' paths. */
  async #layers(inside: ProgramInside, label: string): Promise<void> {
    const { manifest } = inside;
    const program = programOf(inside);
    const [code, infrastructure] = askedLayers(manifest, program);
    const { key } = code;
    const check = this.#checkOf(code);
    const came = await this.#blobs.blob(code.blob, 'tar', check);
    if (came === 'now') {
      this.documents ??= check.documents();
      this.#selected.set(key, check.selected());
    } else if (came === 'before' && code.select && !this.#selected.has(key)) {
      if (!check.isFinished)
        for await (const chunk of await this.#blobs.store.stream(code.blob.digest)) check.feed(chunk);
      check.finish();
      this.#selected.set(key, check.selected());
    }
    if (infrastructure) await this.#blobs.blob(infrastructure.blob, 'tar', this.#checkOf(infrastructure));
    const digest = infrastructure?.blob.digest;
    if (!program || !came || !this.#selected.has(key) || this.#selected.get(key) === digest) return;
    this.#blobs.refuse(
      'SAME-BND-015',
      blobPath(digest ?? code.blob.digest),
      `the infrastructure layer of ${label} differs from the files of its targets in the code layer`,
    );
  }

  #checkOf(layer: AskedLayer): LayerCheck {
    return this.#rules.coming?.checked(layer) ?? openCheck(layer, this.#blobs.limits);
  }

  /** Holds each program but the first to being the ancestor of the one before it. */
  checkChain(programs: readonly (ProgramInside | undefined)[]): void {
    programs.slice(1).forEach((ancestor, at) => {
      const [child, parent] = [artifactOf(programs[at]), artifactOf(ancestor)];
      if (!child || !parent || isDerivedFrom(child, parent)) return;
      const message = `${parent.digest} is listed as an ancestor, but ${child.digest} is not derived from it`;
      this.#blobs.refuse('SAME-BND-027', 'index.json', message);
    });
  }
}

/** What a program says, where its config is what its `same.yaml` says. */
export function programOf(inside: ProgramInside | undefined): Program | undefined {
  return inside?.config?.manifest as unknown as Program | undefined;
}

function artifactOf(inside: ProgramInside | undefined): { digest: string; program: Program } | undefined {
  const program = programOf(inside);
  return program && { digest: inside!.self.digest, program };
}
