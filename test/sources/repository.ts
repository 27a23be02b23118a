import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Source, SourceTree } from '../../src/sources/source.ts';

/** What a test puts at a path: text, bytes, an executable, a link. */
export type Content = string | Buffer | { executable: string } | { link: string };

/** A directory of its own for one test file, and a git that sees no configuration but the test's. */
export class Workplace {
  readonly directory = mkdtempSync(join(tmpdir(), 'sources-'));
  readonly configuration = join(this.directory, 'gitconfig');
  #count = 0;

  constructor() {
    writeFileSync(this.configuration, '[user]\n\tname = Ada\n\temail = ada@example.org\n');
    process.env.GIT_CONFIG_GLOBAL = this.configuration;
    // The machine's own choice of CAs would win over the configuration's.
    delete process.env.GIT_SSL_CAINFO;
    delete process.env.GIT_SSL_CAPATH;
  }

  /** A new empty directory. */
  fresh(name = 'dir'): string {
    const path = join(this.directory, `${name}-${this.#count++}`);
    mkdirSync(path);
    return path;
  }

  /** Appends to the user's own git configuration. */
  configure(text: string): void {
    writeFileSync(this.configuration, text, { flag: 'a' });
  }

  /** A working copy with one commit of these files. */
  repository(files: Record<string, Content>, name = 'repository'): string {
    const path = this.fresh(name);
    git(path, 'init', '--quiet', '-b', 'main');
    write(path, files);
    git(path, 'add', '--all');
    git(path, 'commit', '--quiet', '-m', 'first');
    return path;
  }

  dispose(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Runs git in a directory for the test. */
export function git(directory: string, ...words: string[]): string {
  return execFileSync('git', words, { cwd: directory, encoding: 'utf8', stdio: 'pipe' }).trim();
}

/** Writes files into a directory. */
export function write(directory: string, files: Record<string, Content>): void {
  for (const [path, content] of Object.entries(files)) {
    const place = join(directory, path);
    mkdirSync(dirname(place), { recursive: true });
    if (typeof content === 'string' || Buffer.isBuffer(content)) writeFileSync(place, content);
    else if ('link' in content) symlinkSync(content.link, place);
    else {
      writeFileSync(place, content.executable);
      chmodSync(place, 0o755);
    }
  }
}

/** A manifest as far as sources read one. */
export function manifest(name: string, version: string): string {
  return `apiVersion: same/v1\nkind: Program\nmetadata: {name: ${name}, version: "${version}"}\npipeline: {steps: {s: {run: echo}}}\n`;
}

/** Reads name and version of {@link manifest}. */
export function manifestVersion(bytes: Buffer): { name?: string; version?: string } {
  const [, name, version] = /name: ([^,]+), version: "([^"]+)"/.exec(bytes.toString('utf8')) ?? [];
  return { name, version };
}

/** The tree of a source, path, mode and content of each file as text. */
export async function contents(source: Source): Promise<string[]> {
  return Promise.all(
    asTree(source).files.map(
      async (file) =>
        `${file.path} ${file.executable ? 'x' : '-'} ${file.sizeBytes} ${(await file.bytes()).toString('base64')}`,
    ),
  );
}

/** Paths of a source's files. */
export function paths(source: Source): string[] {
  return asTree(source).files.map((file) => file.path);
}

/** A source that must be a tree. */
export function asTree(source: Source): SourceTree {
  if (source.kind !== 'tree') throw new Error(`${source.label} is a bundle`);
  return source;
}
