/** A directory or file of the machine that a container sees under the same path. */
export interface Mount {
  path: string;
  readOnly: boolean;
}

/** Limits that a container is held to. */
export interface ContainerLimits {
  /** Cores. */
  cpu?: number;
  memoryBytes?: number;
  /** Bytes of `/dev/shm`. */
  sharedMemoryBytes: number;
  /** Soft and hard number of open files. */
  openFiles?: [soft: number, hard: number];
  processes?: number;
}

/** One container, with everything that it is given. */
export interface Container {
  name: string;
  /** Id of an image that is here. */
  image: string;
  labels: Record<string, string>;
  argv: string[];
  /** All variables of its command. */
  variables: Record<string, string>;
  workdir: string;
  mounts: Mount[];
  /** Whether it has the machine's network; else it has none. */
  network: boolean;
  user: { uid: number; gid: number };
  limits: ContainerLimits;
  /** Where the number of its first process is written. */
  pidFile: string;
}

/** What a container is called on the inside: the same everywhere, for a command sees it. */
export const HOST_NAME = 'same';

/**
 * The words of `podman` that run a container (spec chapter engines): its image and what is named here, and nothing
 * else of the machine, of the caller or of podman's configuration.
 */
export function containerWords(container: Container): string[] {
  const { name, image, labels, argv, variables, workdir, mounts, network, user, limits, pidFile } = container;
  const [command, ...rest] = argv;
  return [
    // Warnings of podman would end up in the step's log.
    '--log-level=error',
    'run',
    `--name=${name}`,
    ...Object.entries(labels).map(([label, value]) => `--label=${label}=${value}`),
    '--pull=never',
    `--pidfile=${pidFile}`,
    // The command writes into the log files itself: no byte goes through another process.
    '--log-driver=passthrough',
    // Its first process has the rights and duties of any other, so that signals end it; the init collects orphans.
    '--init',
    '--read-only',
    ...temporaryWords(mounts),
    '--image-volume=ignore',
    '--no-healthcheck',
    '--cap-drop=all',
    '--security-opt=no-new-privileges',
    // What is mounted are the caller's own files, which a label of another kind would close to it.
    '--security-opt=label=disable',
    // Other users than root stand for themselves, so that what is written is the caller's.
    ...(user.uid === 0 ? [] : ['--userns=keep-id']),
    `--user=${user.uid}:${user.gid}`,
    `--network=${network ? 'host' : 'none'}`,
    // With the machine's network its name stays the machine's.
    ...(network ? ['--uts=private'] : []),
    `--hostname=${HOST_NAME}`,
    '--http-proxy=false',
    ...limitWords(limits),
    ...mounts.map(mountWord),
    `--workdir=${workdir}`,
    '--unsetenv-all',
    ...Object.entries(variables).map(([variable, value]) => `--env=${variable}=${value}`),
    `--entrypoint=${JSON.stringify([command])}`,
    image,
    ...rest,
  ];
}

/**
 * Where podman lets a container write that can write nowhere else. Such a place above the step's directories would take
 * what the step writes beside them, and lose it without a word; then it is closed too.
 */
function temporaryWords(mounts: readonly Mount[]): string[] {
  const places = ['/tmp', '/var/tmp', '/run'];
  const open = places.filter((place) => !mounts.some(({ path }) => path.startsWith(`${place}/`)));
  if (open.length === places.length) return [];
  return ['--read-only-tmpfs=false', ...open.map((place) => `--tmpfs=${place}`)];
}

function limitWords({
  cpu,
  memoryBytes,
  sharedMemoryBytes,
  openFiles,
  processes,
}: ContainerLimits): string[] {
  return [
    ...(cpu === undefined ? [] : [`--cpus=${cpu}`]),
    // Without swap: a step that wants more memory than it may have ends instead of crawling.
    ...(memoryBytes === undefined ? [] : [`--memory=${memoryBytes}b`, `--memory-swap=${memoryBytes}b`]),
    `--shm-size=${sharedMemoryBytes}b`,
    ...ulimitWords({
      ...(openFiles ? { openFiles } : {}),
      ...(processes === undefined ? {} : { processes }),
    }),
  ];
}

/** Limits that podman would otherwise raise above the caller's own, which not every caller may. */
export function ulimitWords({
  openFiles,
  processes,
}: Pick<ContainerLimits, 'openFiles' | 'processes'>): string[] {
  return [
    ...(openFiles ? [`--ulimit=nofile=${openFiles.join(':')}`] : []),
    ...(processes === undefined ? [] : [`--ulimit=nproc=${processes}:${processes}`]),
  ];
}

/** Podman reads this word as a line of CSV. */
function mountWord({ path, readOnly }: Mount): string {
  const fields = ['type=bind', `src=${path}`, `dst=${path}`, ...(readOnly ? ['ro=true'] : [])];
  return `--mount=${fields.map((text) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)).join(',')}`;
}
