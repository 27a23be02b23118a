import type { LocalContentStore } from '../../content/content-store.ts';
import { processLimits, userNumbers } from '../../host/limits.ts';
import { machine } from '../../host/machine.ts';
import type { Engine } from '../engine.ts';
import { schedule } from '../scheduler.ts';
import { ulimitWords } from './container-words.ts';
import { openImages, type UnmetInImage } from './images.ts';
import { removeLeftovers } from './leftovers.ts';
import { openPodman } from './podman.ts';
import { openPodmanAttempts } from './podman-attempts.ts';
import { podmanRefusals } from './refusals.ts';

/** What the engine is opened with. */
export interface PodmanEngineOptions {
  /** The caller's environment, by which podman finds its configuration. */
  variables?: Record<string, string>;
  onProgress?(line: string): void;
  /** Looks for what an environment requires; without it no image is looked into. */
  unmetInImage?: UnmetInImage;
}

/**
 * Steps as containers of this machine's podman: no network unless a step asks for it, no privileges, nothing of the
 * machine but the attempt's own directories (spec chapter engines). The caller's podman is asked when the first step
 * has to run: a run of stored results needs none.
 */
export function openPodmanEngine(content: LocalContentStore, options: PodmanEngineOptions = {}): Engine {
  return {
    name: 'podman',
    containers: true,
    refusals: podmanRefusals,
    async *run(plan, context) {
      const podman = openPodman(options.variables);
      const ulimits = processLimits();
      const limits = { sharedMemoryBytes: Math.floor(machine().memoryBytes / 2), ...ulimits };
      const removals = new Set<Promise<unknown>>();
      let swept: Promise<void> | undefined;
      const attempts = openPodmanAttempts({
        content,
        podman,
        images: openImages({
          podman,
          limits: ulimitWords(ulimits),
          ...(options.onProgress ? { onProgress: options.onProgress } : {}),
          ...(options.unmetInImage ? { unmetInImage: options.unmetInImage } : {}),
        }),
        limits,
        user: userNumbers(),
        remove(name) {
          const removal = podman
            .ask(['rm', '--force', '--time=0', '--volumes', '--ignore', name])
            .finally(() => removals.delete(removal));
          removals.add(removal);
        },
      });
      try {
        yield* schedule(
          plan,
          // Containers are given no devices.
          { ...context, machine: { ...context.machine, gpus: 0 } },
          {
            content,
            async run(task, tell) {
              // Beside the first step: what is left is in nobody's way.
              swept ??= removeLeftovers(podman);
              return attempts.run(task, tell);
            },
          },
        );
      } finally {
        await Promise.allSettled([swept, ...removals]);
      }
    },
  };
}
