import { throwFindings } from '../errors/same-error.ts';
import type { RegistryAliases } from '../program/registry-alias.ts';
import type { Ports } from './ports.ts';

/** The file of a home in which its user sets things. */
export function configurationFile(ports: Ports): string {
  return `${ports.home}/config.yaml`;
}

/**
 * The aliases that are set in `config.yaml` of the home; none when there is no such file.
 * @throws all that is wrong with the file, with its places
 */
export async function readAliases(ports: Ports): Promise<RegistryAliases> {
  const file = configurationFile(ports);
  const bytes = ports.files.read(file);
  if (bytes === undefined) return new Map();
  const { configuration, findings } = await ports.parseConfiguration(bytes, file);
  throwFindings(findings);
  return configuration!.aliases;
}
