import { throwFindings } from '../errors/same-error.ts';
import type { RegistryAccess } from '../registry/registry.ts';

const FLAGS: Record<keyof RegistryAccess, string> = {
  plainHttp: '--plain-http',
  caFile: '--ca',
  login: '-u',
};

/** @throws SAME1902 it is said how a registry is reached, where no registry is asked */
export function refuseAccess(access: RegistryAccess | undefined, label: string): void {
  throwFindings(
    (Object.keys(access ?? {}) as (keyof RegistryAccess)[]).map((key) => ({
      code: 'SAME1902',
      message: `${FLAGS[key]} has nothing to do: ${label} is in no registry`,
      place: FLAGS[key],
      hint: 'leave it out',
    })),
  );
}
