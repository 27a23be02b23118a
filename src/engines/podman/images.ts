import type { ContainerImage } from '../../environments/environment.ts';
import { type Finding, SameError, throwFindings } from '../../errors/same-error.ts';
import { join, makeDirectories, mkdtempSync, removeTree } from '../../host/files.ts';
import { platform } from '../../host/machine.ts';
import { type Answer, lastLine, type Podman } from './podman.ts';

const STANDARD_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
/** What podman calls this machine's architecture, by what keys call it. */
const ARCHITECTURES: Record<string, string> = { x86_64: 'amd64', aarch64: 'arm64' };

/** An image that is here, with what its containers are given by it. */
export interface ReadyImage {
  id: string;
  path: string;
  /** Its own variables but PATH. */
  variables: Record<string, string>;
}

/** What images are fetched and built with. */
export interface ImageOptions {
  podman: Podman;
  /** Words of `podman build` for the limits of what it runs. */
  limits: string[];
  /** What an image lacks of the commands that an environment requires; `ask` runs words in it. */
  unmetInImage?: UnmetInImage;
  onProgress?(line: string): void;
}

/** Looks for commands in an image by running words in containers of it. @returns SAME1701 for each that is not met */
export type UnmetInImage = (
  requires: readonly string[],
  ask: (words: string[]) => Promise<{ exitCode: number; text: string }>,
) => Promise<Finding[]>;

/** The images of environments, each looked for, fetched or built once. */
export interface Images {
  /**
   * @param environment its name, for messages
   * @param workDirectory where the files of a build may lie meanwhile
   * @throws SAME1502 it cannot be had or built, SAME1504 it is for another machine, SAME1701 it lacks a command,
   *   SAME1702, SAME1903
   */
  ready(
    image: ContainerImage,
    environment: string,
    workDirectory: string,
    signal: AbortSignal,
  ): Promise<ReadyImage>;
}

/** Opens the images of the caller's podman. */
export function openImages(options: ImageOptions): Images {
  const made = new Map<string, Promise<ReadyImage>>();
  return {
    ready(image, environment, workDirectory, signal) {
      const name = imageName(image);
      const key = JSON.stringify([name, image.requires]);
      let promise = made.get(key);
      if (!promise) {
        promise = prepare(name, image, environment, workDirectory, signal, options).then((ready) =>
          checked(ready, image.requires, signal, options),
        );
        promise.catch(() => made.delete(key));
        made.set(key, promise);
      }
      return promise;
    },
  };
}

/** What an image is called here: as declared or, of one that is built, by the digest of what it is built from. */
export function imageName(image: ContainerImage): string {
  if ('image' in image) return image.image;
  // Several Dockerfiles of one directory are built from the same files.
  const file = image.dockerfile
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 60);
  return `localhost/same-environment:${image.context.digest.replace(/^tree:sha256:/, '')}-${file}`;
}

async function prepare(
  name: string,
  image: ContainerImage,
  environment: string,
  workDirectory: string,
  signal: AbortSignal,
  options: ImageOptions,
): Promise<ReadyImage> {
  const { podman } = options;
  const [known] = await Promise.all([look(name, podman, signal), podman.facts()]);
  if (known) return known;
  if ('image' in image) await pull(name, environment, signal, options);
  else await build(name, image, environment, workDirectory, signal, options);
  const ready = await look(name, podman, signal);
  if (ready) return ready;
  throw new SameError({
    code: 'SAME1502',
    message: `image ${name} of environment ${environment} was fetched and is not there`,
  });
}

/** @throws SAME1701 it has not what its environment requires */
async function checked(
  ready: ReadyImage,
  requires: readonly string[],
  signal: AbortSignal,
  { podman, limits, unmetInImage }: ImageOptions,
): Promise<ReadyImage> {
  if (requires.length === 0) return ready;
  const closed = ['--network=none', '--cap-drop=all', '--read-only', '--pull=never', '--image-volume=ignore'];
  const ask = async ([command, ...rest]: string[]) => {
    const entry = `--entrypoint=${JSON.stringify([command])}`;
    const words = ['--log-level=error', 'run', '--rm', ...closed, ...limits, entry, ready.id, ...rest];
    const { exitCode, stdout, stderr } = await podman.ask(words, { signal });
    return { exitCode, text: `${stdout}\n${stderr}` };
  };
  throwFindings((await unmetInImage?.(requires, ask)) ?? []);
  return ready;
}

async function look(name: string, podman: Podman, signal: AbortSignal): Promise<ReadyImage | undefined> {
  const { exitCode, stdout } = await podman.ask(['image', 'inspect', '--format=json', name], { signal });
  if (exitCode !== 0) return undefined;
  const [found] = JSON.parse(stdout) as {
    Id: string;
    Os: string;
    Architecture: string;
    Config?: { Env?: string[] };
  }[];
  const { Id: id, Os, Architecture, Config } = found!;
  const [system, machine] = platform().split('-') as [string, string];
  const wanted = ARCHITECTURES[machine] ?? machine;
  if (Os !== 'linux' || Architecture !== wanted) {
    throw new SameError({
      code: 'SAME1504',
      message: `image ${name} is for ${Os}/${Architecture}, not for ${system}/${wanted}`,
      hint: 'name an image of this architecture, or the digest of an index that has one',
    });
  }
  const pairs = (Config?.Env ?? []).map((text): [string, string] => {
    const end = text.indexOf('=');
    return [text.slice(0, end), text.slice(end + 1)];
  });
  const { PATH, ...variables } = Object.fromEntries(pairs) as Record<string, string>;
  return { id, path: PATH || STANDARD_PATH, variables };
}

async function pull(
  name: string,
  environment: string,
  signal: AbortSignal,
  { podman, onProgress }: ImageOptions,
): Promise<void> {
  onProgress?.(`fetching image ${name}`);
  const answer = await podman.ask(['pull', '--quiet', name], { signal, timeoutMs: 0 });
  if (answer.exitCode !== 0) {
    throw notMade(
      `image ${name} of environment ${environment} cannot be fetched`,
      answer,
      'is its registry within reach? log in to it with: podman login',
    );
  }
}

/** Builds with the network: what an image is made of comes from there, as packages of other environments do. */
async function build(
  name: string,
  { dockerfile, context }: Extract<ContainerImage, { dockerfile: string }>,
  environment: string,
  workDirectory: string,
  signal: AbortSignal,
  { podman, limits, onProgress }: ImageOptions,
): Promise<void> {
  onProgress?.(`building environment ${environment}: image from ${dockerfile}`);
  makeDirectories(workDirectory);
  const directory = mkdtempSync(join(workDirectory, 'image-'));
  try {
    await context.place(directory);
    const answer = await podman.ask(
      [
        'build',
        '--quiet',
        '--network=host',
        ...limits,
        `--tag=${name}`,
        `--file=${join(directory, dockerfile)}`,
        directory,
      ],
      { signal, timeoutMs: 0 },
    );
    if (answer.exitCode === 0) return;
    throw notMade(`environment ${environment}: ${dockerfile} cannot be built`, answer);
  } finally {
    removeTree(directory);
  }
}

function notMade(what: string, { stdout, stderr }: Answer, hint?: string): SameError {
  const said = lastLine(stderr || stdout);
  return new SameError({
    code: 'SAME1502',
    message: `${what}: ${said}`,
    ...(hint === undefined ? {} : { hint }),
  });
}
