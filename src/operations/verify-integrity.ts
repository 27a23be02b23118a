import { checkBundle } from '../bundle/archive-reader.ts';
import type { BundleDigests } from '../bundle/layout.ts';
import type { Limits } from '../bundle/oci.ts';
import type { Finding } from '../errors/same-error.ts';
import { findPin } from './find-program.ts';
import { bundleInput, bundleRules } from './import-bundle.ts';
import { refuseLimits } from './limits.ts';
import type { Ports } from './ports.ts';
import { isBundlePath } from './show-program.ts';
import { verifyHome, verifyProgram } from './verify-home.ts';

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
  options: { limits?: Partial<Limits> | undefined } = {},
): Promise<Verified> {
  if (target === undefined || !isBundlePath(ports, target)) {
    refuseLimits(options.limits, target ?? 'the home');
    return target === undefined ? verifyHome(ports) : verifyProgram(ports, findPin(ports, target));
  }
  const input = bundleInput(ports, target);
  using scratch = ports.files.scratch();
  const rules = { ...bundleRules(ports, options.limits), keepLayers: false };
  const { findings, bundle } = await checkBundle(input, ports.openContent(scratch.path), rules);
  return {
    what: 'bundle',
    // What is wrong with the file as a whole has no place inside it.
    findings: findings.map((finding) => ({ ...finding, place: finding.place ?? target })),
    ...(bundle ? { digests: bundle.digests } : {}),
  };
}
