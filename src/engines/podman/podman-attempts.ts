import type { LocalContentStore } from '../../content/content-store.ts';
import { existsSync, join, resolve, rmSync } from '../../host/files.ts';
import { parseQuantity } from '../../program/quantity.ts';
import { storeEnd } from '../attempt/conclusion.ts';
import { openLogging } from '../attempt/logging.ts';
import { filledCommand, runCommand } from '../attempt/running-command.ts';
import type { Finished, StepAttempt, Workspace } from '../attempt/step-attempt.ts';
import { stepVariables } from '../attempt/variables.ts';
import { closeWorkspace, openWorkspace } from '../attempt/workspace.ts';
import type { AttemptNews, Attempts } from '../attempts.ts';
import { runContainer } from './container.ts';
import type { ContainerLimits, Mount } from './container-words.ts';
import type { Images, ReadyImage } from './images.ts';
import { launch } from './launch.ts';
import { containerLabels, containerName } from './leftovers.ts';
import type { Podman } from './podman.ts';

/** What attempts in containers share. */
export interface PodmanAttemptsOptions {
  content: LocalContentStore;
  podman: Podman;
  images: Images;
  /** Limits of every container. */
  limits: Omit<ContainerLimits, 'cpu' | 'memoryBytes'>;
  user: { uid: number; gid: number };
  /** Removes a container, now or soon. */
  remove(name: string): void;
}

/** Made in the attempt's directories by a shell that found no bash, and gone before anybody looks for strangers there. */
const NO_BASH = 'no-bash';

/** Runs attempts as containers of this machine. */
export function openPodmanAttempts(options: PodmanAttemptsOptions): Attempts {
  return { content: options.content, run: (task, tell) => runInContainer(options, task, tell) };
}

async function runInContainer(
  options: PodmanAttemptsOptions,
  task: StepAttempt,
  tell: (news: AttemptNews) => void,
): Promise<Finished> {
  const { podman, images } = options;
  const { context, environment } = task;
  const image = await images.ready(
    environment.container!,
    environment.name,
    context.workDirectory,
    task.cancel,
  );
  const { controllers } = await podman.facts();
  const { workspace, placed } = await openWorkspace(task);
  // A container without a network reaches no address of this machine.
  const intake = task.step.network ? await openLogging(task, workspace) : undefined;
  try {
    const { logs, end } = await runCommand(task, tell, (how) =>
      runContainer({
        ...how,
        podman,
        ...containerOf(options, task, workspace, image, controllers, intake?.variables),
      }),
    ).finally(() => options.remove(containerName(task)));
    const mark = join(workspace.root, NO_BASH);
    const hasBash = !existsSync(mark);
    rmSync(mark, { force: true });
    const logged = intake?.close();
    const ended = { ...task, workspace, placed, logs, end: { ...end, hasBash } };
    return await storeEnd({ ...ended, ...(logged ? { logged } : {}) });
  } finally {
    intake?.close();
    await closeWorkspace(workspace);
  }
}

function containerOf(
  { limits, user }: PodmanAttemptsOptions,
  task: StepAttempt,
  workspace: Workspace,
  image: ReadyImage,
  controllers: readonly string[],
  tracking: Record<string, string> = {},
): Pick<Parameters<typeof runContainer>[0], 'container' | 'input'> {
  const { step, context } = task;
  const secrets = Object.fromEntries(
    step.secrets.flatMap((name) =>
      context.secrets[name] === undefined ? [] : [[name, context.secrets[name]]],
    ),
  );
  const { argv, input } = launch(filledCommand(task, workspace), {
    secrets,
    mark: join(workspace.root, NO_BASH),
  });
  const contract = { ...stepVariables(task, workspace), ...tracking };
  const plain = Object.entries(contract).filter(([name]) => !Object.hasOwn(secrets, name));
  const { cpu, memory } = step.resources;
  return {
    container: {
      name: containerName(task),
      image: image.id,
      labels: containerLabels(task),
      argv,
      variables: { ...image.variables, ...Object.fromEntries(plain), PATH: image.path },
      workdir: workspace.workdir,
      mounts: mountsOf(task, workspace),
      network: step.network ?? false,
      user,
      limits: {
        ...limits,
        ...(cpu === undefined || !controllers.includes('cpu') ? {} : { cpu }),
        ...(memory === undefined || !controllers.includes('memory')
          ? {}
          : { memoryBytes: Math.ceil(parseQuantity(memory)!) }),
      },
      pidFile: join(workspace.berth, 'pid'),
    },
    ...(input === undefined ? {} : { input }),
  };
}

/** The attempt's directories, its inputs over them for reading only, and what runs share. */
function mountsOf({ step }: StepAttempt, workspace: Workspace): Mount[] {
  const inputs = Object.values(step.inputs).flatMap(({ at, mode }) =>
    at === undefined || mode === 'copy' ? [] : [resolve(workspace.workdir, at)],
  );
  const isAllLinks = Object.values(step.inputs).every(({ at, mode }) => at !== undefined || mode === 'link');
  return [
    { path: workspace.root, readOnly: false },
    { path: workspace.scratch, readOnly: false },
    // An input of mode copy lies there to be written.
    ...(isAllLinks ? [{ path: workspace.in, readOnly: true }] : linksIn(step.inputs, workspace)),
    ...inputs.map((path) => ({ path, readOnly: true })),
  ];
}

function linksIn(inputs: StepAttempt['step']['inputs'], workspace: Workspace): Mount[] {
  return Object.entries(inputs).flatMap(([name, { at, mode }]) =>
    at === undefined && mode === 'link' ? [{ path: join(workspace.in, name), readOnly: true }] : [],
  );
}
