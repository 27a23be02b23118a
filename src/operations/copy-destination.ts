import { SameError } from '../errors/same-error.ts';
import type { BundleForm } from './bundle-forms.ts';
import type { Ports } from './ports.ts';

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
