import { throwFindings } from '../errors/same-error.ts';
import type { ConfigurationEditor } from '../program/configuration.ts';
import type { RegistryAlias, RegistryAliases } from '../program/registry-alias.ts';
import type { Ports } from './ports.ts';

/** The configuration of a home, to be changed. */
export interface HomeConfiguration {
  /** Empty when there is no file. */
  text: string;
  aliases: RegistryAliases;
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
  return aliasesOf(ports, ports.files.read(configurationFile(ports)));
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
    const aliases = await aliasesOf(ports, bytes);
    const { text, result } = await change({ text: bytes?.toString() ?? '', aliases, editor });
    if (text === undefined || ports.swapConfiguration(bytes, text)) return result;
  }
}

function configurationFile(ports: Ports): string {
  return `${ports.home}/config.yaml`;
}

async function aliasesOf(ports: Ports, bytes: Buffer | undefined): Promise<RegistryAliases> {
  if (bytes === undefined) return new Map();
  const { configuration, findings } = await ports.parseConfiguration(bytes, configurationFile(ports));
  throwFindings(findings);
  return configuration!.aliases;
}
