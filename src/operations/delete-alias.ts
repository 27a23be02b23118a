import { SameError } from '../errors/same-error.ts';
import { foldName } from '../program/name.ts';
import { type RegistryAlias, unknownAlias } from '../program/registry-alias.ts';
import type { Ports } from './ports.ts';
import { changeConfiguration } from './registry-aliases.ts';

/** `same delete alias`: what it stood for. @throws SAME1805 there is none; what is wrong with `config.yaml` */
export async function deleteAlias(ports: Ports, name: string): Promise<RegistryAlias> {
  return changeConfiguration(ports, async ({ text, aliases, editor }) => {
    const alias = aliases.get(foldName(name));
    if (!alias) {
      const [finding] = unknownAlias(name, aliases).findings;
      throw new SameError({ ...finding!, hint: 'see: same list aliases' });
    }
    return { text: editor.withoutAlias(text, alias.name), result: alias };
  });
}
