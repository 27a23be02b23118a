import { SameError } from '../errors/same-error.ts';
import type { BundleForm } from './bundle-forms.ts';
import type { CopyOptions } from './copy-program.ts';
import type { Ports } from './ports.ts';
import { refuseAccess } from './registry-access.ts';
import { isRegistryText } from './registry-address.ts';

/** The form that a name says: a file `.tgz`, `.tar.gz` or `.tar`, else a directory. */
export function formOf(path: string): BundleForm {
  if (/\.(tgz|tar\.gz)$/.test(path)) return 'tgz';
  return path.endsWith('.tar') ? 'oci-tar' : 'oci-dir';
}

/** @throws SAME1403 something is there: a file gives way by force, a directory never */
export function refuseDestination(ports: Ports, path: string, force: boolean): void {
  const kind = ports.files.kind(path);
  const form = formOf(path);
  if (kind === undefined || (kind === 'file' && force && form !== 'oci-dir')) return;
  if (kind === 'directory' && form === 'oci-dir' && ports.files.names(path).length === 0) return;
  throw new SameError({
    code: 'SAME1403',
    message: `${path} is there already`,
    place: path,
    hint: `choose another name${kind === 'file' ? ', or replace it with --force' : ''}`,
  });
}

/**
 * @throws SAME1902 it is said how to reach a registry where there is none, a login where it could be for either, or an
 * address of a registry lacks its oci://
 */
export function refuseUseless({ source, destination, access, plainEnd }: CopyOptions): void {
  const refused = (message: string, place: string, hint: string) =>
    new SameError({ code: 'SAME1902', message, place, hint });
  if (
    !isRegistryText(destination) &&
    /^(localhost|[^/]+\.[^/]+|[^/]+:[0-9]+)\/./.test(destination) &&
    formOf(destination) === 'oci-dir' &&
    !/^\.{1,2}\//.test(destination)
  ) {
    throw refused(
      `${destination} could be the address of a registry as well as a directory`,
      destination,
      `a registry is written oci://${destination}, a directory ./${destination}`,
    );
  }
  const registries = [source, destination].filter(isRegistryText);
  if (registries.length === 0) refuseAccess(access, 'each end');
  const plain = { source, destination }[plainEnd ?? 'source'];
  if (plainEnd && !isRegistryText(plain)) {
    const flag = plainEnd === 'source' ? '--from-plain-http' : '--to-plain-http';
    throw refused(`${flag} has nothing to do: ${plain} is in no registry`, flag, 'leave it out');
  }
  if (registries.length < 2 || !access.login) return;
  throw refused(
    '-u gives one login, and both ends are in registries',
    '-u',
    'store the logins with: same login HOST',
  );
}
