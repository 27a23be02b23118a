import { readBundle } from '../bundle/archive.ts';
import type { BundleDigests } from '../bundle/layout.ts';
import type { Limits } from '../bundle/oci.ts';
import { type Finding, SameError } from '../errors/same-error.ts';
import { canonicalOfYaml, streamOfFile } from './import-bundle.ts';
import type { Ports } from './ports.ts';

/** What was looked at and what is wrong with it. */
export interface Verified {
  what: 'bundle' | 'program' | 'home';
  /** Every problem that was found; none when all is well. */
  findings: Finding[];
  /** Of a bundle without findings. */
  digests?: BundleDigests;
}

/**
 * `same verify integrity`: looks at a bundle, a stored program or the whole home, and changes nothing (spec
 * SAME-BND-048). What is wrong is a finding, not an exception.
 * @param target a bundle's path or a reference; without one the whole home
 * @throws SAME1204, SAME1205 there is no such program or bundle
 */
export async function verifyIntegrity(
  ports: Ports,
  target: string | undefined,
  options: { limits?: Partial<Limits> } = {},
): Promise<Verified> {
  const chunks = streamOfFile(ports, target!);
  using scratch = ports.files.scratch();
  try {
    const { digests } = await readBundle(chunks, ports.openContent(scratch.path), {
      canonicalOfYaml: (bytes) => canonicalOfYaml(ports, bytes),
      ...options,
    });
    return { what: 'bundle', findings: [], digests };
  } catch (error) {
    if (!(error instanceof SameError) || !/^SAME1[03]/.test(error.code)) throw error;
    return { what: 'bundle', findings: [...error.findings] };
  }
}
