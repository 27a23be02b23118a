import { SameError } from '../errors/same-error.ts';
import { foldName } from '../program/name.ts';
import { parseReference, type Reference, repositoryOf } from '../program/reference.ts';
import { expandAlias, isAliasName, splitAddress } from '../program/registry-alias.ts';
import { isReferrersTag, isVersion, tagOf } from '../program/version.ts';
import type { RegistryAddress } from '../registry/registry.ts';
import type { Ports } from './ports.ts';
import { readAliases } from './registry-aliases.ts';

/** The alias that is pushed to when nothing else is known. */
const DEFAULT_ALIAS = 'default';
/** Clients and registries hold host and repository together to this. */
const LONGEST = 255;

/** Whether a word names something in a registry, and not here. */
export function isRegistryText(text: string): boolean {
  return text.startsWith('oci://');
}

/**
 * Puts what an alias stands for in its place. The configuration is read only when the host could be an alias.
 * @param text `oci://HOST[/…]` or `oci://ALIAS[/…]`
 * @throws SAME1805 no address, or an alias that is not set; what is wrong with `config.yaml`
 */
export async function expandAddress(ports: Ports, text: string): Promise<string> {
  if (!isAliasName(splitAddress(text).host)) return text;
  return expandAlias(text, await readAliases(ports));
}

/**
 * The host of a login: `HOST[:PORT]`, an alias, or either after `oci://`, a path below it being left out.
 * @throws SAME1805
 */
export async function parseRegistryHost(ports: Ports, text: string): Promise<string> {
  const address = isRegistryText(text) ? text : `oci://${text}`;
  return splitAddress(await expandAddress(ports, address)).host;
}

/**
 * Where a program is in a registry: `oci://HOST[:PORT]/[NAMESPACE/]NAME[:VERSION][@sha256:HEX]`, or an alias for the
 * host.
 * @returns the host, and the repository, in lower case
 * @throws SAME1805 no address of a registry, too long, or an alias that is not set · SAME1201, SAME1202, SAME1203
 */
export async function parseRegistryReference(
  ports: Ports,
  text: string,
): Promise<{ address: RegistryAddress; reference: Reference }> {
  // Other tools write an address without its scheme, and a port would pass for a version.
  if (!text.includes('://')) splitAddress(text);
  // First as it is written: an alias alone is no program, even where it stands for what could be one.
  parseReference(text);
  const parsed = parseReference(await expandAddress(ports, text));
  const reference = { ...parsed, host: foldName(parsed.host!) };
  return { address: addressOf(reference, text), reference };
}

/**
 * Where a program is pushed to: `oci://HOST[:PORT][/NAMESPACE][/NAME[:VERSION]]`. A path that ends with the program's
 * name, in any spelling, is its full name; any other is a namespace. What an alias stands for is always a namespace.
 * @param text what the user said; without it `remembered`, and without that the alias `default`
 * @param remembered `oci://HOST[:PORT]/REPOSITORY`
 * @throws SAME1204 it names another program or version · SAME1805 · SAME1201, SAME1202 · SAME1902 there is nowhere to push
 */
export async function parsePushTarget(
  ports: Ports,
  text: string | undefined,
  program: { name: string; version: string },
  remembered?: string,
): Promise<{ address: RegistryAddress; version: string }> {
  const { name, version } = program;
  if (isReferrersTag(tagOf(version))) {
    throw new SameError({
      code: 'SAME1202',
      message: `${name}:${version} cannot be in a registry, where tags like "${version}" list what refers to a digest`,
      hint: `give it another version: same commit ${name}:${version} --as VERSION`,
      clause: 'SAME-REG-003',
    });
  }
  const target = text ?? remembered ?? (await defaultTarget(ports, program));
  const written = splitAddress(target);
  const path = pathOf(written.path, target, program);
  const base = await expandAddress(ports, `oci://${written.host}`);
  const below = isFullName(path, name) ? path : [path, name].filter((part) => part !== '').join('/');
  const reference = parseReference(`${base}/${below}`);
  return { address: addressOf({ ...reference, host: foldName(reference.host!) }, target), version };
}

/** The path of a target without its version. */
function pathOf(written: string, target: string, program: { name: string; version: string }): string {
  if (written.includes('@')) {
    throw invalid(
      `"${target}" has a digest, and a program is pushed under its own`,
      'leave out the @ and what follows',
    );
  }
  if (written === '' && target.endsWith('/')) throw invalid(`"${target}" ends with a slash`, 'leave it out');
  const colon = written.indexOf(':');
  if (colon < 0) return written;
  const [path, version] = [written.slice(0, colon), written.slice(colon + 1)];
  if (!isVersion(version)) {
    throw new SameError({
      code: 'SAME1202',
      message: `"${version}" in "${target}" is not a version`,
      hint: `leave it out: the version in the registry is the program's, ${program.version}`,
    });
  }
  if (isFullName(path, program.name) && version === program.version) return path;
  throw new SameError({
    code: 'SAME1204',
    message: `"${target}" is not where ${program.name}:${program.version} goes: its path is ${path}:${version}`,
    hint: 'a program is pushed under its own name and version; another version is made with: same commit NAME:VERSION --as VERSION',
    clause: 'SAME-REG-009',
  });
}

/** Whether a path ends with a name, at the boundary of a segment. */
function isFullName(path: string, name: string): boolean {
  return `/${foldName(path)}`.endsWith(`/${foldName(name)}`);
}

async function defaultTarget(
  ports: Ports,
  { name, version }: { name: string; version: string },
): Promise<string> {
  if ((await readAliases(ports)).has(DEFAULT_ALIAS)) return `oci://${DEFAULT_ALIAS}`;
  throw new SameError({
    code: 'SAME1902',
    message: `${name}:${version} was in no registry before, and no default registry is set`,
    hint: `say where to: same push ${name}:${version} oci://HOST/NAMESPACE; or once for all: same create alias default oci://HOST/NAMESPACE`,
    clause: 'SAME-REG-008',
  });
}

function addressOf(reference: Reference & { host: string }, text: string): RegistryAddress {
  const address = { host: reference.host, repository: repositoryOf(reference) };
  const length = `${address.host}/${address.repository}`.length;
  if (length <= LONGEST) return address;
  throw invalid(
    `"${text}" has ${length} characters of host and name, more than the ${LONGEST} that registries take`,
    'choose a shorter namespace',
  );
}

function invalid(message: string, hint: string): SameError {
  return new SameError({ code: 'SAME1805', message, hint });
}
