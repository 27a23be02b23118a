import { SameError } from '../errors/same-error.ts';
import { withoutCredentials } from '../host/addresses.ts';
import { existsSync, join, makeDirectories, removeTree, statSync } from '../host/files.ts';
import { fetchToFile } from '../host/http.ts';
import { openDirectory } from './directory.ts';
import { checkEntries } from './entry.ts';
import type { GitSourceOptions } from './git-source.ts';
import type { Origin, Source } from './source.ts';
import { parseSourceAddress } from './source-address.ts';

/** What {@link openSource} may use and do. */
export type OpenSourceOptions = GitSourceOptions;

const DOWNLOAD_LIMIT_BYTES = 10 * 1024 ** 3;
const FORMS =
  'a directory, a bundle file, https://HOST/ORG/REPO[/SUBDIR][:VERSION], git+https://REPO[//SUBDIR][@REF], https://….tgz';

let opened = 0;

/**
 * Opens what `-f` says, in the order of the spec (chapter program, Sources of -f): an existing path, then the forms of
 * addresses. Runs nothing of the source.
 * @throws SAME1205 nothing there, SAME1208 form not supported, SAME1209 not reachable, SAME1211 no such version,
 * SAME1306 a file that is no archive.
 */
export async function openSource(text: string, options: OpenSourceOptions): Promise<Source> {
  const stat = statSync(text, { throwIfNoEntry: false });
  // A directory that holds it is a bundle, whatever else it holds (spec SAME-BND-044).
  if (stat?.isDirectory() && existsSync(join(text, 'oci-layout'))) return bundle(text, text);
  if (stat?.isDirectory()) return openDirectory(text, options);
  if (stat) return openFile(text, { kind: 'bundle' }, text, options);
  const address = parseSourceAddress(text);
  if (!address) throw nothingAt(text);
  switch (address.kind) {
    case 'registry':
      throw new SameError({
        code: 'SAME1208',
        message: `${text} is in a registry, and only what is stored here is run or locked`,
        hint: `get it first: same pull ${text}`,
      });
    case 'archive':
      return download(address.url, options);
    case 'git': {
      const { openGitSource } = await import('./git-source.ts');
      return openGitSource(address, options);
    }
  }
}

async function download(url: string, options: OpenSourceOptions): Promise<Source> {
  const label = withoutCredentials(url);
  const directory = ownDirectory(options);
  try {
    options.onProgress?.(`fetching ${label}`);
    const file = join(directory, 'download');
    await fetchToFile(url, file, { limitBytes: DOWNLOAD_LIMIT_BYTES, signal: options.signal });
    const source = await openFile(file, { kind: 'https', repository: label }, label, options);
    return {
      ...source,
      [Symbol.dispose]() {
        source[Symbol.dispose]();
        removeTree(directory);
      },
    };
  } catch (error) {
    removeTree(directory);
    throw error;
  }
}

/** A bundle or a tree archive on disk. */
async function openFile(
  path: string,
  origin: Origin,
  label: string,
  options: OpenSourceOptions,
): Promise<Source> {
  const archive = await import('./archive-file.ts');
  const envelope = statSync(path).isFile() ? archive.envelopeOf(path) : undefined;
  const first = envelope && (await archive.firstEntryName(path, envelope));
  if (!envelope || first === undefined) throw noArchive(label);
  if (first === 'oci-layout') return bundle(path, label, origin);
  const directory = ownDirectory(options);
  try {
    const entries = await archive.archiveEntries(path, envelope, join(directory, 'spool'), options.signal);
    const checked = checkEntries(entries, options);
    if (!checked.files.some((file) => file.path === 'same.yaml')) {
      throw new SameError({ code: 'SAME1205', message: `${label} has no same.yaml at its top` });
    }
    return {
      kind: 'tree',
      ...checked,
      notices: [],
      // A file on disk says nothing about where it came from.
      origin: origin.kind === 'https' ? origin : { kind: 'directory' },
      label,
      soft: origin.kind !== 'https',
      [Symbol.dispose]: () => removeTree(directory),
    };
  } catch (error) {
    removeTree(directory);
    throw error;
  }
}

function bundle(path: string, label: string, origin: Origin = { kind: 'bundle' }): Source {
  return { kind: 'bundle', path, origin, label, [Symbol.dispose]() {} };
}

function ownDirectory({ workDirectory }: OpenSourceOptions): string {
  const directory = join(workDirectory, `source-${process.pid}-${opened++}`);
  makeDirectories(directory, 0o700);
  return directory;
}

function noArchive(label: string): SameError {
  const manifest = /\.(ya?ml|json)$/.test(label);
  return new SameError({
    code: 'SAME1306',
    message: `${label} is neither a bundle nor an archive of a program`,
    hint: manifest ? 'give the directory that the manifest is in' : undefined,
  });
}

function nothingAt(text: string): SameError {
  const host = /^([a-z0-9-]+\.)+[a-z]{2,}\/[^/]+\/[^/]+/i.test(text);
  return new SameError({
    code: 'SAME1205',
    message: `there is no file or directory ${JSON.stringify(text)}, and it is no address of a program`,
    hint: host ? `did you mean https://${text}?` : `-f takes ${FORMS}`,
  });
}
