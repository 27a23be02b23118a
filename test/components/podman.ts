import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { missing } from './installed.ts';

const here = import.meta.dirname;
const REPOSITORY = 'localhost/same-tests';

/** Why containers cannot be tried on this machine, or undefined. */
export function unavailable(): string | undefined {
  return missing('podman', 'runc', 'catatonit');
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
  image ??= builtFrom((root) => {
    execFileSync('sh', [join(here, 'container-image.sh'), root], { stdio: ['ignore', 'ignore', 'pipe'] });
  });
  return image;
}

/** An image of nothing but what `fill` puts into its root, and of what a Dockerfile says beside that. */
export function builtFrom(fill: (root: string) => void, instructions = ''): string {
  const directory = mkdtempSync(join(tmpdir(), 'image-'));
  try {
    const root = join(directory, 'root');
    execFileSync('mkdir', [root]);
    fill(root);
    const file = join(directory, 'Dockerfile');
    writeFileSync(file, `FROM scratch\nCOPY . /\n${instructions}`);
    const id = podman('build', '--quiet', '--network=none', '--timestamp=0', `--file=${file}`, resolve(root));
    const name = `${REPOSITORY}:${id.slice(0, 16)}`;
    podman('tag', id, name);
    return `${REPOSITORY}@${podman('image', 'inspect', '--format={{.Digest}}', name)}`;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
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
