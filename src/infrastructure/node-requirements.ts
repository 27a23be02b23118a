import type { ClusterNode } from '../engines/kubernetes/cluster-node.ts';
import type { ClaimState } from '../engines/kubernetes/survey.ts';
import { formatBytes, parseQuantity } from '../program/quantity.ts';
import type { Program, Resources } from '../program/schema.ts';
import { type Requirement, stepsOf, wantedResources } from './requirements.ts';

/** One kind of thing that a node has. */
interface Kind {
  what: 'cpu' | 'memory' | 'disk' | 'gpu';
  /** What a step wants of it; 0 for nothing. */
  amountOf(resources: Resources): number;
  want(resources: Resources): string;
  amountAt(node: ClusterNode, resources: Resources): number;
  have(nodes: readonly ClusterNode[]): string;
  isOptional?(resources: Resources): boolean;
}

const KINDS: readonly Kind[] = [
  {
    what: 'cpu',
    amountOf: ({ cpu = 0 }) => cpu,
    want: ({ cpu }) => String(cpu),
    amountAt: ({ cpu }) => cpu,
    have: (nodes) => `${Math.max(...nodes.map(({ cpu }) => cpu))} on the largest node`,
  },
  {
    what: 'memory',
    amountOf: ({ memory }) => (memory === undefined ? 0 : parseQuantity(memory)),
    want: ({ memory }) => memory!,
    amountAt: ({ memoryBytes }) => memoryBytes,
    have: (nodes) => `${formatBytes(Math.max(...nodes.map((node) => node.memoryBytes)))} on the largest node`,
  },
  {
    what: 'disk',
    amountOf: ({ disk }) => (disk === undefined ? 0 : parseQuantity(disk.size)),
    want: ({ disk }) => disk!.size,
    amountAt: ({ diskBytes }) => diskBytes,
    have: (nodes) => `${formatBytes(Math.max(...nodes.map((node) => node.diskBytes)))} on the largest node`,
  },
  {
    what: 'gpu',
    amountOf: ({ gpu }) => gpu?.count ?? 0,
    want: ({ gpu }) => [String(gpu!.count), gpu!.vendor].filter((word) => word !== undefined).join(' '),
    amountAt: ({ gpus }, { gpu }) =>
      gpus.find(({ vendor }) => vendor === (gpu?.vendor ?? 'nvidia'))?.count ?? 0,
    have: describeGpus,
    isOptional: ({ gpu }) => gpu?.optional ?? false,
  },
];

/**
 * Compares what steps want with the nodes of a cluster: of each kind the greatest need with the largest node that could
 * start its pod, and every step with whole nodes, for what it wants has to be on one (spec SAME-ENG-022).
 * @param platform what steps run on unless their results are portable: `linux-x86_64`
 */
export function nodeRequirements(
  program: Program,
  nodes: readonly ClusterNode[],
  platform: string,
): Requirement[] {
  const steps = stepsOf(program);
  const isBound = steps.some(([, { cache }]) => cache !== 'portable');
  const fitting = nodes.filter(
    (node) => node.unusable === undefined && (!isBound || node.platform === platform),
  );
  const found: Requirement = {
    what: 'node',
    want: isBound ? `one of ${platform}` : 'one',
    have: fitting.length > 0 ? String(fitting.length) : describeOthers(nodes),
    met: fitting.length > 0,
    optional: false,
    code: 'SAME1701',
  };
  if (!found.met) return [found];
  const wanted = wantedResources(program, steps);
  const kinds = KINDS.flatMap((kind) => compared(kind, wanted, fitting));
  // A kind that no node has enough of says more than that nothing fits.
  const isEach = kinds.every(({ met, optional }) => met || optional);
  return [found, ...kinds, ...(isEach ? together(wanted, fitting) : [])];
}

/** Whether any step says what it wants of a node. */
export function isAsking(program: Program): boolean {
  return wantedResources(program, stepsOf(program)).some(([, wanted]) => Object.keys(wanted).length > 0);
}

/** Whether there is the claim of the volume that steps share; one that is not bound yet may be by the first pod. */
export function volumeRequirement({ name, phase }: ClaimState, namespace: string): Requirement {
  const met = phase !== undefined && phase !== 'Lost';
  return {
    what: 'volume',
    want: `claim "${name}" in namespace ${namespace}`,
    have: phase?.toLowerCase() ?? 'none of that name',
    met,
    optional: false,
    ...(met ? {} : { hint: `make a PersistentVolumeClaim "${name}" there, which all nodes can write` }),
    code: 'SAME1701',
  };
}

/** One requirement for what is asked for in the most, and for each vendor of devices. */
function compared(
  kind: Kind,
  wanted: readonly [string, Resources][],
  nodes: readonly ClusterNode[],
): Requirement[] {
  const asking = wanted.filter(([, resources]) => kind.amountOf(resources) > 0);
  const groups = Map.groupBy(asking, ([, { gpu }]) =>
    kind.what === 'gpu' ? `${gpu!.vendor} ${gpu!.optional ?? false}` : '',
  );
  return [...groups.values()].map((group) => {
    const [step, most] = group.reduce((a, b) => (kind.amountOf(b[1]) > kind.amountOf(a[1]) ? b : a));
    const amount = kind.amountOf(most);
    const isOfAll = wanted.every(([, resources]) => kind.amountOf(resources) === amount);
    return {
      what: kind.what,
      want: kind.want(most),
      have: kind.have(nodes),
      met: nodes.some((node) => kind.amountAt(node, most) >= amount),
      optional: kind.isOptional?.(most) ?? false,
      ...(isOfAll ? {} : { step }),
      code: 'SAME1701',
    };
  });
}

/** The first step for which no single node has enough of everything. */
function together(wanted: readonly [string, Resources][], nodes: readonly ClusterNode[]): Requirement[] {
  for (const [step, resources] of wanted) {
    const asked = KINDS.filter(
      (kind) => kind.amountOf(resources) > 0 && kind.isOptional?.(resources) !== true,
    );
    const isOne = nodes.some((node) =>
      asked.every((kind) => kind.amountAt(node, resources) >= kind.amountOf(resources)),
    );
    if (isOne) continue;
    return [
      {
        what: 'node',
        want: `one with ${asked.map((kind) => `${kind.what} ${kind.want(resources)}`).join(', ')}`,
        have: 'no node with all of it',
        met: false,
        optional: false,
        step,
        code: 'SAME1701',
      },
    ];
  }
  return [];
}

function describeGpus(nodes: readonly ClusterNode[]): string {
  const kinds = new Map<string, number>();
  for (const { vendor, count } of nodes.flatMap(({ gpus }) => gpus))
    kinds.set(vendor, Math.max(kinds.get(vendor) ?? 0, count));
  if (kinds.size === 0) return 'none on any node';
  return `${[...kinds].map(([vendor, count]) => `${count} ${vendor}`).join(', ')} on one node`;
}

function describeOthers(nodes: readonly ClusterNode[]): string {
  if (nodes.length === 0) return 'no nodes';
  const why = nodes.map(({ platform, unusable }) => unusable ?? platform);
  return `none (${[...new Set(why)].map((each) => `${why.filter((one) => one === each).length} ${each}`).join(', ')})`;
}
