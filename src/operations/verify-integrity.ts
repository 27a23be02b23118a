import { checkBundle } from '../bundle/archive-reader.ts';
import type { BundleDigests } from '../bundle/layout.ts';
import type { Limits } from '../bundle/oci.ts';
import { isProblem } from '../bundle/refusal.ts';
import type { Finding } from '../errors/same-error.ts';
import type { RegistryAccess } from '../registry/registry.ts';
import { findPin } from './find-program.ts';
import { bundleInput, bundleRules } from './import-bundle.ts';
import { refuseLimits } from './limits.ts';
import { type PeekedProgram, type PeekOptions, peekProgram } from './peek-program.ts';
import type { Ports } from './ports.ts';
import { refuseAccess } from './registry-access.ts';
import { isRegistryText } from './registry-address.ts';
import { isBundlePath } from './show-program.ts';
import { verifyHome, verifyProgram } from './verify-home.ts';

/** What was looked at and what is wrong with it. */
export interface Verified {
  what: 'bundle' | 'remote' | 'program' | 'home';
  /** Every problem that was found; none when all is well. */
  findings: Finding[];
  /** Of a bundle without findings. */
  digests?: BundleDigests;
  /** Of a program in a registry without findings. */
  remote?: Pick<PeekedProgram, 'left'> & { program: string };
}

/**
 * `same verify integrity`: looks at a bundle, a stored program, one in a registry or the whole home, and changes nothing
 * (spec SAME-BND-048). What is wrong is a finding, not an exception; of what is in a registry, the first one.
 * @param target a bundle's path or a reference; without one the whole home
 * @throws SAME1204, SAME1205, SAME1803 there is no such program or bundle · SAME1801, SAME1802
 */
export async function verifyIntegrity(
  ports: Ports,
  target: string | undefined,
  options: { limits?: Partial<Limits> | undefined; access?: RegistryAccess } = {},
): Promise<Verified> {
  const { limits, access = {} } = options;
  if (target !== undefined && isRegistryText(target))
    return verifyRemote(ports, { reference: target, limits, access });
  refuseAccess(access, target ?? 'the home');
  if (target === undefined || !isBundlePath(ports, target)) {
    refuseLimits(limits, target ?? 'the home');
    return target === undefined ? verifyHome(ports) : verifyProgram(ports, findPin(ports, target));
  }
  const input = bundleInput(ports, target);
  using scratch = ports.files.scratch();
  const rules = { ...bundleRules(ports, limits), keepLayers: false };
  const { findings, bundle } = await checkBundle(input, ports.openContent(scratch.path), rules);
  return {
    what: 'bundle',
    // What is wrong with the file as a whole has no place inside it.
    findings: findings.map((finding) => ({ ...finding, place: finding.place ?? target })),
    ...(bundle ? { digests: bundle.digests } : {}),
  };
}

/** Everything is fetched, also what is here: it is the registry's that is looked at. */
async function verifyRemote(ports: Ports, options: PeekOptions): Promise<Verified> {
  try {
    return await peekProgram(ports, { ...options, anew: true }, async ({ artifact, left }) => ({
      what: 'remote',
      findings: [],
      remote: { program: artifact.digest, left },
    }));
  } catch (error) {
    // Another name or version than was asked for is no damage.
    if (!isProblem(error) || error.code.startsWith('SAME12')) throw error;
    const place = options.reference;
    return { what: 'remote', findings: error.findings.map((finding) => ({ place, ...finding })) };
  }
}
