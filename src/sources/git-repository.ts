import { SameError } from '../errors/same-error.ts';
import { join, makeDirectories, removeTree, statSync } from '../host/files.ts';
import { bytesAt, type Entry } from './entry.ts';
import { failureLine, fieldsOf, openGit, runGit } from './git-process.ts';
import { withoutLogin } from './source-address.ts';

/** The branches and tags that a repository offers. */
export interface RemoteRefs {
  /** Full name of the default branch, for instance `refs/heads/main`. */
  head?: string;
  /** Commit (or tag object) by full name. */
  byName: Map<string, string>;
}

/** A file of a revision: where its content is in git, before it is read. */
interface TreeLine {
  mode: string;
  type: string;
  oid: string;
  sizeBytes: number;
  path: string;
}

const FETCHED = 'refs/same/fetched';
const MAX_TREE_BYTES = 10 * 1024 ** 3;
const NOT_THERE =
  /not found|does not exist|does not appear to be a git repository|no such file|not valid: is this a git/i;
const NO_LOGIN =
  /could not read (username|password)|authentication failed|permission denied|terminal prompts disabled/i;

/**
 * A remote repository, read through a private bare one: nothing is checked out, so no filter, hook, attribute or
 * submodule has a say (spec chapter program, section Files; bundle, threat 7).
 */
export class GitRepository {
  readonly url: string;
  readonly #directory: string;
  readonly #signal: AbortSignal | undefined;
  #spools = 0;
  #ready = false;

  /** @param directory a directory of its own, made here and removed by {@link dispose}. */
  constructor(url: string, directory: string, signal?: AbortSignal) {
    if (url.startsWith('-')) throw new SameError({ code: 'SAME1208', message: `${url} is not a source` });
    this.url = url;
    this.#directory = directory;
    this.#signal = signal;
  }

  /** Removes what was fetched. */
  dispose(): void {
    removeTree(this.#directory);
  }

  /**
   * Asks the repository for its branches and tags.
   * @throws SAME1205 when it is not there, SAME1209 when it cannot be reached or wants a login.
   */
  async refs(): Promise<RemoteRefs> {
    await this.#prepare();
    const output = await this.#talk([
      'ls-remote',
      '--symref',
      '--',
      this.url,
      'HEAD',
      'refs/heads/*',
      'refs/tags/*',
    ]);
    const refs: RemoteRefs = { byName: new Map() };
    for (const line of output.split('\n')) {
      const [what, name] = line.split('\t');
      if (name === undefined) continue;
      if (what!.startsWith('ref: ')) refs.head = what!.slice(5);
      else if (name !== 'HEAD' && !name.endsWith('^{}')) refs.byName.set(name, what!);
    }
    return refs;
  }

  /**
   * Fetches a branch or tag by full name, or a commit by its hash, without history where the server can.
   * @returns the commit.
   * @throws SAME1211 when the repository has no such revision.
   */
  async fetchCommit(revision: string): Promise<string> {
    await this.#prepare();
    const words = ['fetch', '--no-tags', '--no-recurse-submodules', '--no-write-fetch-head', '--force'];
    if (revision.startsWith('refs/')) {
      await this.#talk([...words, '--depth=1', '--', this.url, `${revision}:${FETCHED}`]);
      return this.#commit(FETCHED, revision);
    }
    if (revision.length >= 40) {
      try {
        await this.#talk([...words, '--depth=1', '--', this.url, `${revision}:${FETCHED}`]);
        return await this.#commit(FETCHED, revision);
      } catch (error) {
        if (!(error instanceof SameError) || error.code === 'SAME1903') throw error;
      }
    }
    // Servers need not give a bare commit, and none gives an abbreviated one: then everything is fetched.
    await this.#talk([
      ...words,
      '--',
      this.url,
      'refs/heads/*:refs/same/heads/*',
      'refs/tags/*:refs/same/tags/*',
    ]);
    return this.#commit(revision, revision);
  }

  /** The files of a commit below a directory, their content beside them; undefined when there is no such directory. */
  async entries(commit: string, subdirectory: string): Promise<Entry[] | undefined> {
    const lines = await this.#list(commit, subdirectory);
    if (!lines) return undefined;
    const blobs = lines.filter(({ type }) => type === 'blob');
    const total = blobs.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    if (total > MAX_TREE_BYTES) {
      throw new SameError({
        code: 'SAME1304',
        message: `${withoutLogin(this.url)} has more than ${MAX_TREE_BYTES} bytes`,
      });
    }
    const file = join(this.#directory, `spool-${this.#spools++}`);
    const input = blobs.map(({ oid }) => `${oid}\n`).join('');
    const { exitCode, stderr } = await runGit(this.#directory, ['cat-file', '--batch', '--buffer'], {
      input,
      outputFile: file,
      signal: this.#signal,
    });
    if (exitCode !== 0) throw this.#failure(stderr.toString('utf8'));
    // Each content follows a line `OID blob SIZE` and is followed by a newline.
    let offset = 0;
    const entries = lines.map((line): Entry => {
      if (line.type !== 'blob') return { path: line.path, kind: 'submodule' };
      const place = {
        file,
        offset: offset + `${line.oid} blob ${line.sizeBytes}\n`.length,
        sizeBytes: line.sizeBytes,
      };
      offset = place.offset + line.sizeBytes + 1;
      if (line.mode !== '120000') {
        return { path: line.path, kind: 'file', executable: line.mode === '100755', place };
      }
      return { path: line.path, kind: 'link', target: bytesAt(place).toString('utf8') };
    });
    if (statSync(file).size !== offset) throw this.#failure('some of the content is missing');
    return entries;
  }

  /** One file of a commit, or undefined when it is not there. */
  async file(commit: string, path: string): Promise<Buffer | undefined> {
    const words = ['cat-file', 'blob', `${commit}:${path}`];
    const { exitCode, stdout } = await runGit(this.#directory, words, { signal: this.#signal });
    return exitCode === 0 ? stdout : undefined;
  }

  /** Directories of a commit that hold a `same.yaml`, `''` for the root. */
  async programs(commit: string): Promise<string[]> {
    const lines = (await this.#list(commit, '')) ?? [];
    return lines
      .filter(({ path }) => path === 'same.yaml' || path.endsWith('/same.yaml'))
      .map(({ path }) => path.slice(0, -'/same.yaml'.length));
  }

  async #list(commit: string, subdirectory: string): Promise<TreeLine[] | undefined> {
    const words = ['ls-tree', '-r', '-z', '--long', `${commit}:${subdirectory}`];
    const { exitCode, stdout } = await runGit(this.#directory, words, { signal: this.#signal });
    if (exitCode !== 0) return undefined;
    return fieldsOf(stdout).map((field) => {
      const tab = field.indexOf('\t');
      const [mode, type, oid, size] = field.slice(0, tab).split(/ +/);
      return {
        mode: mode!,
        type: type!,
        oid: oid!,
        sizeBytes: Number(size) || 0,
        path: field.slice(tab + 1),
      };
    });
  }

  async #prepare(): Promise<void> {
    if (this.#ready) return;
    makeDirectories(this.#directory);
    await this.#git(['init', '--quiet', '--bare', '--template=']);
    this.#ready = true;
  }

  async #commit(name: string, asked: string): Promise<string> {
    try {
      return (await this.#git(['rev-parse', '--verify', '--end-of-options', `${name}^{commit}`])).trim();
    } catch (error) {
      if (error instanceof SameError) throw error;
      const message = `${withoutLogin(this.url)} has no commit ${asked.replace(/^refs\/(heads|tags)\//, '')}`;
      throw new SameError({ code: 'SAME1211', message }, { cause: error });
    }
  }

  /** Speaks with the repository. */
  async #talk(words: string[]): Promise<string> {
    try {
      return await this.#git(words, this.url);
    } catch (error) {
      throw error instanceof SameError ? error : this.#failure((error as Error).message);
    }
  }

  async #git(words: string[], url?: string): Promise<string> {
    try {
      const git = await openGit(this.#directory, { url, isolated: url === undefined, signal: this.#signal });
      return await git.raw(words);
    } catch (error) {
      if (!this.#signal?.aborted) throw error;
      throw new SameError({ code: 'SAME1903', message: 'interrupted' }, { cause: error });
    }
  }

  #failure(said: string): SameError {
    const place = withoutLogin(this.url);
    const line = failureLine(said);
    if (NO_LOGIN.test(said)) {
      return new SameError({
        code: 'SAME1209',
        message: `${place} wants a login, or is not there: ${line}`,
        hint: 'check the address; log in with a git credential helper or an ssh key',
      });
    }
    if (NOT_THERE.test(said))
      return new SameError({ code: 'SAME1205', message: `no repository at ${place}: ${line}` });
    return new SameError({ code: 'SAME1209', message: `${place} cannot be read: ${line}` });
  }
}
