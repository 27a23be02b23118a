import { notFollowed, type ToolFiles } from './run-elsewhere.ts';

/** What MLflow's server calls the directory of the artifacts that it serves, unless it is told otherwise. */
const SERVED = 'mlartifacts';

/**
 * Where what a run left lies beside the database that tells of it (spec SAME-RUN-088). The address in there is only ever
 * taken for the end of a path below the database's directory: the directory may have been moved, and a database that
 * somebody sent must not choose which files of this machine are taken.
 * @param address the artifact_uri of the run
 * @param id the run's, which is a part of every such address
 * @param base the directory of the database, and the same as an absolute path
 */
export function artifactsBeside(
  files: ToolFiles,
  address: string,
  id: string,
  base: { directory: string; absolute: string },
): { artifacts?: string; warning?: string } {
  const scheme = /^([a-z][a-z0-9+.-]+):/i.exec(address)?.[1]?.toLowerCase();
  if (scheme !== undefined && scheme !== 'file' && scheme !== 'mlflow-artifacts')
    return { warning: `its artifacts, if there are any, are at an address of ${scheme}: and are left out` };
  const path = scheme === undefined ? address : pathOf(address.slice(scheme.length + 1));
  const parts = [...(scheme === 'mlflow-artifacts' ? [SERVED] : []), ...path.split('/')].filter(
    (part) => part !== '' && part !== '.',
  );
  const run = parts.indexOf(id);
  if (run < 0 || parts.includes('..'))
    return { warning: 'its artifacts have an address without its id and are left out' };
  let isPlaceKnown = scheme !== 'mlflow-artifacts' && path.startsWith(`${base.absolute}/`);
  for (let first = 0; first <= run; first += 1) {
    const below = parts.slice(first);
    const depth = directoriesOf(files, base.directory, below);
    if (depth === below.length) return { artifacts: [base.directory, ...below].join('/') };
    if (depth < Math.max(1, run - first - 1)) continue;
    // The directory of all experiments, or of this one, is here: the run left nothing in it.
    isPlaceKnown = true;
    const end = below.slice(0, depth + 1).join('/');
    const kind = files.kind(`${base.directory}/${end}`);
    if (kind !== undefined) return { warning: notFollowed(end, kind) };
  }
  return isPlaceKnown
    ? {}
    : { warning: 'its artifacts, if there are any, are not beside the database and are left out' };
}

/** The path of what follows `file:` or the like: `//HOST/PATH`, `/PATH` or `PATH`. */
function pathOf(rest: string): string {
  const path = rest.replace(/^\/\/[^/]*/, '');
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

/** How many of the parts of a path are directories, one in the other; a link is none. */
function directoriesOf(files: ToolFiles, root: string, parts: readonly string[]): number {
  let path = root;
  for (const [index, part] of parts.entries()) {
    path = `${path}/${part}`;
    if (files.kind(path) !== 'directory') return index;
  }
  return parts.length;
}
