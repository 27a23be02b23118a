import type { ClusterSurvey, OfferedApi } from '../../engines/kubernetes/survey.ts';
import type { DescribedEngine } from '../../operations/describe-engine.ts';
import type { EngineState } from '../../operations/list-engines.ts';
import { type EngineFacts, isOfCluster } from '../../program/engines.ts';
import { formatBytes } from '../../program/quantity.ts';
import type { MachineRecord, RequirementRecord } from '../../runs/run-record.ts';
import { plainLine, table } from './text.ts';

/** Engines as a table: what each does, and whether that works here and now. */
export function renderEngines(states: readonly EngineState[]): string {
  return table([
    ['ENGINE', 'DOES', 'HERE', 'WHERE'],
    ...states.map((state) => [state.name, doings(state), here(state), placeText(state)].map(plainLine)),
  ]);
}

/** What an engine is good for: `run, sweep, compile`. */
function doings({ runs, sweeps, compiles }: EngineFacts): string {
  if (!runs) return sweeps ? 'compile sweeps' : 'compile';
  return ['run', ...(sweeps ? ['sweep'] : []), ...(compiles ? ['compile'] : [])].join(', ');
}

function here({ usable, version, apiVersions, isOfCluster }: EngineState): string {
  if (!usable) return 'no';
  if (apiVersions) return apiVersions.join(', ');
  return `yes${version === undefined || isOfCluster ? '' : `, ${version}`}`;
}

function placeText({ isOfCluster, because, where, version }: EngineState): string {
  if (because) return because.message;
  if (!isOfCluster) return 'this machine';
  return `context ${where!.context}, namespace ${where!.namespace} at ${where!.server} (${version})`;
}

/** An engine with all that is there. */
export function renderEngine(described: DescribedEngine): string {
  const { engine, target, machine, podman, cluster, program, requirements } = described;
  const rows = [
    ['engine', `${engine.name}: ${engine.what}`],
    ['does', doings(engine)],
    ...(target === undefined ? [] : [['target', target]]),
    ...(podman
      ? [['podman', `${podman.version}, limits ${podman.controllers.join(', ') || 'nothing'}`]]
      : []),
    ...(machine ? machineRows(machine) : []),
    ...(cluster ? clusterRows(cluster) : []),
  ];
  const parts = [table(rows.map((row) => row.map(plainLine)))];
  if (cluster?.nodes) parts.push(nodesText(cluster.nodes));
  if (program && requirements)
    parts.push(`${program.name}:${program.version} there:\n${requirementsText(requirements)}`);
  return parts.join('\n\n');
}

function machineRows({ os, arch, cpu, memoryBytes, gpu }: MachineRecord): string[][] {
  return [
    ['platform', `${os}-${arch}`],
    ['cpu', String(cpu)],
    ['memory', formatBytes(memoryBytes)],
    ['gpu', gpu.join(', ') || 'none'],
  ];
}

function clusterRows(cluster: ClusterSurvey): string[][] {
  const { context, namespace, namespaceExists, server, version, apis, storageClasses, rights, unseen } =
    cluster;
  const missing = rights.filter(({ allowed }) => !allowed).map(({ right }) => right);
  return [
    ['context', context],
    ['namespace', `${namespace}${namespaceExists === false ? ' (there is none of that name)' : ''}`],
    ['server', `${server} (Kubernetes ${version})`],
    ...apis.map((api): string[] => ['api', apiText(api)]),
    ...(storageClasses
      ? [['storage', storageClasses.map(storageText).join(', ') || 'there is no class']]
      : []),
    ...(cluster.claim ? [['volume', claimText(cluster.claim)]] : []),
    [
      'rights',
      missing.length === 0
        ? `all ${rights.length} that running takes`
        : `${missing.length} of ${rights.length} are missing: ${missing.join(', ')}`,
    ],
    ...unseen.map(({ what, why }) => [what, `not seen: ${why}`]),
  ];
}

function apiText({ of, group, versions, release }: OfferedApi): string {
  if (versions.length === 0) return `${of}: not there`;
  return `${of}: ${group}/${versions.join(', ')}${release === undefined ? '' : ` (${release})`}`;
}

function storageText({ name, provisioner, isDefault }: NonNullable<ClusterSurvey['storageClasses']>[number]) {
  return `${name} (${isDefault ? 'default, ' : ''}${provisioner})`;
}

function claimText({
  name,
  phase,
  storageClass,
  capacity,
  accessModes,
}: NonNullable<ClusterSurvey['claim']>) {
  if (phase === undefined) return `there is no claim "${name}"`;
  const facts = [phase.toLowerCase(), capacity, accessModes?.join(' '), storageClass].filter(Boolean);
  return `claim "${name}": ${facts.join(', ')}`;
}

function nodesText(nodes: NonNullable<ClusterSurvey['nodes']>): string {
  return table(
    [
      ['NODE', 'PLATFORM', 'CPU', 'MEMORY', 'DISK', 'GPU', 'STATE'],
      ...nodes.map(({ name, platform, cpu, memoryBytes, diskBytes, gpus, unusable }) => [
        name,
        platform,
        String(cpu),
        formatBytes(memoryBytes),
        formatBytes(diskBytes),
        gpus
          .map(
            ({ vendor, count, product }) => `${count} ${vendor}${product === undefined ? '' : ` ${product}`}`,
          )
          .join(', ') || 'none',
        unusable ?? 'ready',
      ]),
    ].map((row) => row.map(plainLine)),
  );
}

function requirementsText(requirements: readonly RequirementRecord[]): string {
  if (requirements.length === 0) return '  it asks for nothing';
  return table(
    [
      ['NEED', 'WANT', 'HAVE', ''],
      ...requirements.map(({ what, want, have, met, optional, step }) => [
        what,
        want,
        have,
        `${met ? 'met' : optional ? 'not met (optional)' : 'NOT MET'}${step === undefined ? '' : ` (step ${step})`}`,
      ]),
    ].map((row) => row.map(plainLine)),
    '  ',
  );
}

/** Targets as a table; `*` marks where a program runs that is not told where. */
export function renderTargets(
  targets: readonly {
    name: string;
    engine: string;
    context?: string;
    namespace?: string;
    isDefault: boolean;
  }[],
): string {
  return table([
    ['', 'TARGET', 'ENGINE', 'CONTEXT', 'NAMESPACE'],
    ...targets.map(({ name, engine, context, namespace, isDefault }) => {
      const hasPlace = isOfCluster(engine);
      return [
        isDefault ? '*' : '',
        name,
        engine,
        context ?? (hasPlace ? '(current)' : ''),
        namespace ?? (hasPlace ? "(the context's)" : ''),
      ].map(plainLine);
    }),
  ]);
}
