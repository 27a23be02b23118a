import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { missing } from './installed.ts';

const here = import.meta.dirname;
const REPOSITORY = 'localhost/same-tests';

/** Why containers cannot be tried on this machine, or undefined. */
export function unavailable(): string | undefined {
  const absent = missing('podman', 'runc', 'catatonit');
  if (absent !== undefined) return absent;
  usePodman();
  try {
    podman('info');
    return undefined;
  } catch (error) {
    return `podman does not work for this user: ${(error as { stderr?: string }).stderr?.trim().split('\n').at(-1)}`;
  }
}

/** Has podman, asked by this process and its children, use the tests' own configuration. */
export function usePodman(): void {
  process.env.CONTAINERS_CONF = join(here, 'containers.conf');
}

/** Asks podman. @returns what it prints */
export function podman(...words: string[]): string {
  return execFileSync('podman', words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();
}

let image: string | undefined;

/** A small Linux made from this machine's files, with bash and python: `NAME@sha256:…`. The same files make the same. */
export function testImage(): string {
  image ??= knownImage() ?? newImage();
  return image;
}

/** What it is made of, as far as it may change: the script, and the packages of this machine. */
function imageTag(): string {
  const hash = createHash('sha256').update(readFileSync(join(here, 'container-image.sh')));
  const packages = '/var/lib/dpkg/status';
  if (existsSync(packages)) hash.update(readFileSync(packages));
  return `${REPOSITORY}:made-${hash.digest('hex').slice(0, 16)}`;
}

function knownImage(): string | undefined {
  try {
    return byDigest(imageTag());
  } catch {
    return undefined;
  }
}

function newImage(): string {
  const made = builtFrom((directory) => {
    execFileSync('sh', [join(here, 'container-image.sh'), directory], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
  }, 'FROM scratch\nCOPY . /\n');
  podman('tag', made, imageTag());
  return made;
}

/** An image by digest that a Dockerfile makes, from files that `fill` lays beside it. */
export function builtFrom(fill: (directory: string) => void, dockerfile: string, ...words: string[]): string {
  const directory = mkdtempSync(join(tmpdir(), 'image-'));
  const file = `${directory}.Dockerfile`;
  try {
    fill(directory);
    writeFileSync(file, dockerfile);
    const id = execFileSync(
      'podman',
      ['build', '--quiet', '--network=none', '--timestamp=0', ...words, `--file=${file}`, directory],
      { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] },
    ).trim();
    const name = `${REPOSITORY}:${id.slice(0, 16)}`;
    podman('tag', id, name);
    return byDigest(name);
  } finally {
    for (const path of [directory, file]) rmSync(path, { recursive: true, force: true });
  }
}

function byDigest(name: string): string {
  return `${REPOSITORY}@${podman('image', 'inspect', '--format={{.Digest}}', name)}`;
}

/**
 * A podman whose containers also see the directories of this machine that a pattern of the shell matches, each under its
 * own path: how tests and steps meet.
 * @returns the environment in which it is found
 */
export function podmanThatSees(pattern: string): Record<string, string> {
  const directory = mkdtempSync(join(tmpdir(), 'podman-'));
  process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
  const real = execFileSync('sh', ['-c', 'command -v podman'], { encoding: 'utf8' }).trim();
  writeFileSync(
    join(directory, 'podman'),
    `#!/bin/sh
if [ "$1" = info ]; then
  if [ ! -e ${directory}/info ]; then
    ${real} "$@" >${directory}/info.$$ || exit
    mv ${directory}/info.$$ ${directory}/info
  fi
  exec cat ${directory}/info
fi
[ "$2" = run ] || exec ${real} "$@"
log=$1; shift 2
for path in ${pattern}; do
  if [ -d "$path" ]; then set -- "--volume=$path:$path" "$@"; fi
done
exec ${real} "$log" run "$@"
`,
    { mode: 0o755 },
  );
  return { ...(process.env as Record<string, string>), PATH: `${directory}:${process.env.PATH}` };
}
