import { openDiskContentStore } from '../content/disk-content-store.ts';
import { openDiskPins } from '../content/disk-pins.ts';
import { openDiskReferrers } from '../content/disk-referrers.ts';
import { openPartialDownloads } from '../content/partial-downloads.ts';
import { openLookingContentStore, openStagedContentStore } from '../content/staged-content-store.ts';
import { swapFile } from '../content/swapped-file.ts';
import { ARGO_FACTS } from '../engines/argo/refusals.ts';
import type { Engine } from '../engines/engine.ts';
import { KUBEFLOW_FACTS } from '../engines/kubeflow/refusals.ts';
import { CLUSTER_JOBS, runRefusals } from '../engines/kubernetes/refusals.ts';
import { openLocalEngine } from '../engines/local/local-engine.ts';
import { podmanRefusals } from '../engines/podman/refusals.ts';
import { ALL_AT_ONCE } from '../engines/submitted/system.ts';
import { TEKTON_FACTS } from '../engines/tekton/refusals.ts';
import { openEnvironments } from '../environments/prepare.ts';
import { type Finding, SameError } from '../errors/same-error.ts';
import { monotonicMs, now, sleep } from '../host/clock.ts';
import { basename, join, resolve } from '../host/files.ts';
import { homeDirectory, hostname, machine, platform, temporaryDirectory } from '../host/machine.ts';
import { environmentVariables, findCommand } from '../host/processes.ts';
import { counted } from '../host/tally.ts';
import { inTurns } from '../host/turns.ts';
import { openUserFiles } from '../host/user-files.ts';
import { checkRequirements } from '../infrastructure/requirements.ts';
import { isPlainChoice, resolveTarget } from '../infrastructure/targets.ts';
import { metadataStoreOf } from '../operations/metadata-stores.ts';
import type { Ports } from '../operations/ports.ts';
import { readTargets } from '../operations/registry-aliases.ts';
import { isOfCluster } from '../program/engines.ts';
import type { MetadataStoreAddress } from '../program/store-address.ts';
import type { ClusterPlace } from '../program/target.ts';
import { openDiskRunStore } from '../runs/disk-run-store.ts';
import { openDiskStepResults } from '../runs/disk-step-results.ts';
import { openIntake } from '../runs/mlflow/intake.ts';
import { newRunId, runIdOf } from '../runs/run-id.ts';
import type { StepResults } from '../runs/step-results.ts';
import { fileAs } from '../sources/source.ts';
import type { Cli } from './cli.ts';
import { watchInterrupts } from './interrupts.ts';
import { renderFinding } from './render/finding.ts';
import { RUNTIME } from './runtime.ts';

/** A listing waits no longer for podman. */
const PODMAN_MS = 10_000;

/** What engines that are handed a whole run know of a plan without a cluster. */
function submittedFacts(name: string): Pick<Engine, 'onFailure' | 'refusals' | 'takesNoJobs'> | undefined {
  if (name === 'argo') return ARGO_FACTS;
  if (name === 'tekton') return TEKTON_FACTS;
  return name === 'kubeflow' ? KUBEFLOW_FACTS : undefined;
}

/**
 * Builds every adapter, once: the only place that does. What is heavy (the manifest parser, git, python) is loaded
 * when it is first used, so that running a stored program stays quick.
 */
export function openPorts(cli: Cli, variables = environmentVariables()): Ports {
  const home = resolve(variables.SAME_HOME || join(variables.HOME || homeDirectory(), '.same'));
  const { cancel, kill } = watchInterrupts(cli);
  const content = openDiskContentStore(join(home, 'content'), { signal: cancel });
  const files = openUserFiles(home, { signal: cancel });
  const progress = (line: string) => cli.say(line);
  const warn = (finding: Finding) => {
    cli.warnings.push(finding);
    cli.say(renderFinding(finding, cli.colour).replace(/^/, 'warning: '));
  };
  const runs = openDiskRunStore(join(home, 'runs'), warn);
  const placeOf = ({ context, namespace }: ClusterPlace) => ({
    variables,
    ...(context === undefined ? {} : { context }),
    ...(namespace === undefined ? {} : { namespace }),
  });
  let results: StepResults | undefined;
  let store: Promise<MetadataStoreAddress | undefined> | undefined;
  const ports: Ports = {
    home,
    runtime: RUNTIME,
    content,
    openContent: (directory) => openDiskContentStore(directory),
    lookIntoContent: () => openLookingContentStore(content),
    stageContent: (directory) =>
      openStagedContentStore(content, openDiskContentStore(join(directory, 'staged')), cancel),
    downloads: openPartialDownloads(join(home, 'cache', 'downloads'), cancel),
    pins: openDiskPins(join(home, 'content')),
    referrers: openDiskReferrers(join(home, 'content')),
    async openCollection() {
      const { openBlobCollector, openBuiltEnvironments, openHomeUse, openSealer } = await import('./cold.ts');
      return {
        blobs: openBlobCollector(join(home, 'content')),
        environments: openBuiltEnvironments(join(home, 'environments')),
        homeUse: openHomeUse(home),
        sealRuns: openSealer(join(home, 'runs')),
      };
    },
    runs,
    get results() {
      results ??= openDiskStepResults(join(home, 'cache', 'results'), () => runs.allResults());
      return results;
    },
    async openAnnotations() {
      const { openDiskAnnotations } = await import('../runs/annotations.ts');
      return openDiskAnnotations(join(home, 'runs', 'annotations'), warn);
    },
    async openRunIndex(options) {
      return (await import('./listing.ts')).openHomeIndex(ports, options);
    },
    async openSweeps() {
      const { openDiskSweepStore } = await import('../runs/disk-sweep-store.ts');
      return openDiskSweepStore(join(home, 'sweeps'));
    },
    files,
    variables,
    now,
    monotonicMs,
    sleep: (ms) => sleep(ms, cancel),
    newRunId,
    runIdOf,
    async readRunsElsewhere(tool, path) {
      const { parseDocument, readMlflow, readTensorBoard } = await import('./cold.ts');
      const absolute = resolve(path);
      if (tool === 'mlruns')
        return readMlflow(files.ordinary, path, absolute, async (...document) => parseDocument(...document));
      return readTensorBoard(files.ordinary, path, basename(absolute));
    },
    platform,
    async machine() {
      const { os, arch, cpu, memoryBytes, gpus } = machine();
      return { os, arch, cpu, memoryBytes, gpu: (await gpus()).map(({ name }) => name) };
    },
    whereabouts: () => ({
      hostName: hostname(),
      directories: [
        [home, '$SAME_HOME'],
        [resolve('.'), '.'],
        [variables.HOME || homeDirectory(), '~'],
        [temporaryDirectory(), '$TMPDIR'],
      ],
    }),
    async download(url, path, options) {
      return (await import('./cold.ts')).fetchToFile(url, path, { ...options, signal: cancel });
    },
    async openSource(text, options) {
      const { openSource, parseManifest } = await import('./cold.ts');
      const source = await openSource(text, {
        ...options,
        onProgress: progress,
        manifestVersion: (bytes) => parseManifest(bytes, 'same.yaml').program?.metadata ?? {},
      });
      if (source.kind === 'tree') {
        source.files = source.files.map((file) =>
          // Small files cost more to wait between than to read.
          file.sizeBytes < 64 * 1024 ? file : fileAs(file, { chunks: () => inTurns(file.chunks(), cancel) }),
        );
      }
      return source;
    },
    async expandUpstream(tree, program, options) {
      if (!program.upstream) return tree;
      const { expandUpstream } = await import('./cold.ts');
      return expandUpstream(tree, program.upstream, { ...options, onProgress: progress, signal: cancel });
    },
    async selectFiles(tree, settings) {
      const { selectFiles } = await import('./cold.ts');
      return selectFiles(tree, settings ?? {});
    },
    openEnvironments: (options) =>
      openEnvironments({
        ...options,
        directory: join(home, 'environments'),
        cacheDirectory: join(home, 'cache'),
        readTomlLock: async (...lock) => (await import('./cold.ts')).readTomlLock(...lock),
        onProgress: progress,
      }),
    async lockPython(environment, options) {
      const { lockPython } = await import('./cold.ts');
      return lockPython(environment, { ...options, onProgress: progress });
    },
    async requirementTexts(python, readFile) {
      const { openRequirements } = await import('./cold.ts');
      const { files: found } = await openRequirements(python, readFile);
      return Object.fromEntries([...found].map(([path, bytes]) => [path, bytes.toString('utf8')]));
    },
    engine(place) {
      const { engine: name } = place;
      if (name === 'local') return openLocalEngine(content);
      if (name === 'podman') {
        return {
          name,
          containers: true,
          refusals: podmanRefusals,
          async *run(plan, context) {
            const { openPodmanEngine, unmetInImage } = await import('./cold.ts');
            const options = { variables, onProgress: progress, unmetInImage };
            yield* openPodmanEngine(content, options).run(plan, context);
          },
        };
      }
      if (name === 'kubernetes') {
        return {
          name,
          containers: true,
          jobs: CLUSTER_JOBS,
          refusals: runRefusals,
          async *run(plan, context) {
            const { openKubernetesEngine } = await import('./clusters.ts');
            yield* openKubernetesEngine(content, placeOf(place), progress).run(plan, context);
          },
        };
      }
      const submitted = submittedFacts(name);
      if (submitted) {
        return {
          name,
          containers: true,
          jobs: ALL_AT_ONCE,
          ...submitted,
          async *run(plan, context) {
            const { openSubmittedEngine } = await import('./clusters.ts');
            yield* openSubmittedEngine(name, content, placeOf(place), progress).run(plan, context);
          },
        };
      }
      throw new SameError({ code: 'SAME1702', message: `engine "${name}" is not in this version of same` });
    },
    async glanceAtCluster(place) {
      return (await import('./clusters.ts')).glance(placeOf(place));
    },
    async surveyCluster(place) {
      return (await import('./clusters.ts')).survey(placeOf(place), place.engine);
    },
    async namespaceOf(place) {
      return (await import('./clusters.ts')).namespaceOf(placeOf(place));
    },
    async clusterRights(engine, namespace) {
      return (await import('./clusters.ts')).clusterRights(engine, namespace);
    },
    async askPodman() {
      const { openPodman } = await import('./cold.ts');
      return openPodman(variables).facts({ timeoutMs: PODMAN_MS, signal: cancel });
    },
    intake: openIntake(async (attempts) =>
      (await import('./mlflow.ts')).openIntakeServer(attempts, content.uninterrupted()),
    ),
    async serveHistory(history, port) {
      return (await import('./mlflow.ts')).serveHistory(history, port);
    },
    metadataStore() {
      store ??= metadataStoreOf(ports);
      return store;
    },
    async openOutbox() {
      return (await import('./metadata.ts')).openDiskOutbox(join(home, 'outbox'));
    },
    async toldRun(run, content) {
      return (await import('./metadata.ts')).toldRun(run, content);
    },
    async openMetadataStore(address, options) {
      const { openMetadataStore } = await import('./metadata.ts');
      return openMetadataStore(address, { variables, progress, ...options });
    },
    async openTeamIndex(address, own) {
      const surroundings = { variables, progress, signal: cancel, isPatient: true };
      return (await import('./postgresql.ts')).openPostgresqlIndex(address, surroundings, own);
    },
    hasCommand: (name) => findCommand(name) !== undefined,
    async forecast(plan, context) {
      return (await import('../engines/forecast.ts')).forecast(plan, context, content);
    },
    async resolveTarget(options) {
      const choice = { ...options, variable: variables.SAME_ENVIRONMENT };
      if (isPlainChoice(choice)) return resolveTarget(choice);
      return resolveTarget({ ...choice, configured: await readTargets(ports) });
    },
    async checkRequirements(program, environments, target) {
      const asked = { program, environments, homeDirectory: home, variables };
      if (!target || !isOfCluster(target.engine)) return checkRequirements(asked);
      const { compareWithCluster } = await import('./clusters.ts');
      const { resources, unseen } = await compareWithCluster(program, platform(), placeOf(target));
      if (unseen !== undefined) {
        warn({
          code: 'SAME1701',
          message: `what steps need is not compared with the nodes of the cluster, ${unseen}`,
          hint: 'a step that fits on none of them waits until it is stopped',
        });
      }
      return checkRequirements({ ...asked, resources });
    },
    async compilePattern(pattern) {
      return (await import('../program/pattern.ts')).compilePattern(pattern);
    },
    async parseManifest(bytes, file, limitBytes) {
      return (await import('./cold.ts')).parseManifest(bytes, file, limitBytes);
    },
    async checkRunRecord(record, label) {
      return (await import('./cold.ts')).runRecordFindings(record, label);
    },
    async parseLock(bytes, file, limitBytes) {
      return (await import('./cold.ts')).parseLock(bytes, file, limitBytes);
    },
    async parseDocument(bytes, file) {
      return (await import('./cold.ts')).parseDocument(bytes, file);
    },
    async openRepository(address, access) {
      const { openRemoteRepository } = await import('./remote.ts');
      const repository = openRemoteRepository(address, access, { variables, cancel, progress, warn });
      // Counted here: the chunk that talks to registries has a tally of its own, which nobody shows.
      return { ...repository, stream: (...blob) => counted(repository.stream(...blob)) };
    },
    async openLogins() {
      const { openRemoteLogins } = await import('./remote.ts');
      return openRemoteLogins({ variables, cancel, progress, warn });
    },
    async parseConfiguration(bytes, file) {
      return (await import('./cold.ts')).parseConfiguration(bytes, file);
    },
    async configurationEditor() {
      const { withAlias, withoutAlias, withStore, withTarget } = await import('./cold.ts');
      return { withAlias, withoutAlias, withStore, withTarget };
    },
    swapConfiguration: (before, text) => swapFile(join(home, 'config.yaml'), before, text),
    progress,
    warnings: cli.warnings,
    warn,
    cancel,
    kill,
  };
  return ports;
}
