import { openProgram, type ProgramArtifact } from '../bundle/program-artifact.ts';
import type { Pin } from '../content/content-store.ts';
import { SameError } from '../errors/same-error.ts';
import { nearest } from '../errors/suggestion.ts';
import { parseReference } from '../program/reference.ts';
import { highestVersion } from '../program/version.ts';
import type { Ports } from './ports.ts';

/**
 * The stored program a reference names. Without a version the highest one that is no pre-release; a digest wins and
 * the version is then checked.
 * @throws SAME1203 not a reference · SAME1204 not here, with what is
 */
export async function findProgram(
  ports: Ports,
  text: string,
): Promise<{ artifact: ProgramArtifact; pin: Pin }> {
  const pin = findPin(ports, text);
  return { artifact: await openProgram(pin.digest, ports.content), pin };
}

/** The pin a reference names. @throws as {@link findProgram} */
export function findPin(ports: Ports, text: string): Pin {
  const reference = parseReference(text);
  if (reference.host !== undefined) {
    throw new SameError({
      code: 'SAME1208',
      message: `${text} is in a registry, and this command works on what is stored here`,
      hint: `get it first: same pull ${text}`,
    });
  }
  const { name, version, digest } = reference;
  const versions = ports.pins.versions(name);
  if (versions.length === 0) throw unknownName(ports, name);
  const candidates = versions.filter(
    (pin) =>
      (version === undefined || pin.version === version) && (digest === undefined || pin.digest === digest),
  );
  const chosen = highestVersion(candidates.map((pin) => pin.version));
  const pin = candidates.find((candidate) => candidate.version === chosen);
  if (pin) return pin;
  throw new SameError({
    code: 'SAME1204',
    message: `there is no ${text} here; versions of ${versions[0]!.name}: ${versions.map((known) => `${known.version} (${known.digest.slice(0, 19)})`).join(', ')}`,
    hint:
      name === 'latest' ? 'for a run: same show run latest' : 'create it with: same create program -f SOURCE',
  });
}

/** Where a program was last in a registry; where it never was, its highest version that was (spec SAME-REG-008). */
export function rememberedRegistry(ports: Ports, { name, registry }: Pin): string | undefined {
  return registry ?? ports.pins.versions(name).findLast((other) => other.registry !== undefined)?.registry;
}

function unknownName(ports: Ports, name: string): SameError {
  const names = [...new Set(ports.pins.list().map((pin) => pin.name))];
  const meant = nearest(name, names);
  const known = names.length === 0 ? 'no program is stored here yet' : `stored here: ${names.join(', ')}`;
  return new SameError({
    code: 'SAME1204',
    message: `there is no program "${name}" here${meant ? ` — did you mean ${meant}?` : ''} (${known})`,
    hint:
      name === 'latest' ? 'for a run: same show run latest' : 'create it with: same create program -f SOURCE',
  });
}
