import { SameError } from '../errors/same-error.ts';
import { foldName } from '../program/name.ts';
import {
  ALIAS_NAME_RULE,
  isAliasName,
  parseAliasAddress,
  type RegistryAlias,
} from '../program/registry-alias.ts';
import type { Ports } from './ports.ts';
import { changeConfiguration } from './registry-aliases.ts';

/** An alias that is set now. */
export interface CreatedAlias extends RegistryAlias {
  /** Whether the configuration is another than before. */
  changed: boolean;
  /** What it stood for before, where that was something else. */
  replaced?: string;
}

/**
 * `same create alias`: gives a registry, or a namespace of it, a name in `config.yaml` of the home.
 * @throws SAME1805 not a name or an address of an alias, or a name that stands for something else and no `force`; what
 * is wrong with `config.yaml`
 */
export async function createAlias(
  ports: Ports,
  wish: { name: string; address: string; force?: boolean },
): Promise<CreatedAlias> {
  const { name, force = false } = wish;
  if (!isAliasName(name)) throw refused(`"${name}" is no name of an alias`, ALIAS_NAME_RULE);
  const address = parseAliasAddress(wish.address);
  return changeConfiguration<CreatedAlias>(ports, async ({ text, aliases, editor }) => {
    const before = aliases.get(foldName(name));
    // Repositories are in lower case, so namespaces that differ in case only are one.
    if (before && foldName(before.address) === foldName(address))
      return { result: { ...before, changed: false } };
    if (before && !force) {
      throw refused(
        `alias "${before.name}" stands for ${before.address}, not for ${address}`,
        `replace it with: same create alias ${name} ${address} --force`,
      );
    }
    return {
      text: editor.withAlias(text, { name, address }),
      result: {
        name: before?.name ?? name,
        address,
        changed: true,
        ...(before ? { replaced: before.address } : {}),
      },
    };
  });
}

function refused(message: string, hint: string): SameError {
  return new SameError({ code: 'SAME1805', message, hint });
}
