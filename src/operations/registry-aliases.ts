import { throwFindings } from '../errors/same-error.ts';
import type { Configuration, ConfigurationEditor } from '../program/configuration.ts';
import type { RegistryAlias, RegistryAliases } from '../program/registry-alias.ts';
import type { MetadataStoreAddress } from '../program/store-address.ts';
import type { ConfiguredTargets } from '../program/target.ts';
import type { Ports } from './ports.ts';

/** The configuration of a home, to be changed. */
export interface HomeConfiguration {
  /** Empty when there is no file. */
  text: string;
  aliases: RegistryAliases;
  store?: MetadataStoreAddress;
  targets: ConfiguredTargets;
  editor: ConfigurationEditor;
}

/** `same list aliases`: in the order of the file. @throws what is wrong with `config.yaml` */
export async function listAliases(ports: Ports): Promise<RegistryAlias[]> {
  return [...(await readAliases(ports)).values()];
}

/**
 * The aliases that are set in `config.yaml` of the home, by name in lower case; none when there is no such file.
 * @throws all that is wrong with the file, with its places
 */
export async function readAliases(ports: Ports): Promise<RegistryAliases> {
  return (await configurationOf(ports, ports.files.read(configurationFile(ports)))).aliases;
}

/** The targets that are set in `config.yaml` of the home. @throws all that is wrong with the file, with its places */
export async function readTargets(ports: Ports): Promise<ConfiguredTargets> {
  return (await configurationOf(ports, ports.files.read(configurationFile(ports)))).targets;
}

/**
 * Changes `config.yaml` of the home, which people edit too: where somebody else changed it meanwhile, it is read and
 * changed again.
 * @param change the text that it is to have, or none for no change
 * @throws what is wrong with the file, with its places · SAME1401, SAME1402, SAME1405
 */
export async function changeConfiguration<T>(
  ports: Ports,
  change: (now: HomeConfiguration) => Promise<{ text?: string; result: T }>,
): Promise<T> {
  const editor = await ports.configurationEditor();
  for (;;) {
    const bytes = ports.files.read(configurationFile(ports));
    const configuration = await configurationOf(ports, bytes);
    const { text, result } = await change({ text: bytes?.toString() ?? '', ...configuration, editor });
    if (text === undefined || ports.swapConfiguration(bytes, text)) return result;
  }
}

function configurationFile(ports: Ports): string {
  return `${ports.home}/config.yaml`;
}

async function configurationOf(ports: Ports, bytes: Buffer | undefined): Promise<Configuration> {
  if (bytes === undefined) return { aliases: new Map(), targets: new Map() };
  const { configuration, findings } = await ports.parseConfiguration(bytes, configurationFile(ports));
  throwFindings(findings);
  return configuration!;
}
