import type { StoredObject } from './cluster.ts';

/** What a node has for pods: what its system keeps for itself is taken off, what others use now is not. */
export interface ClusterNode {
  name: string;
  /** Why no pod of ours starts there now; absent where one may. */
  unusable?: string;
  /** As locks and keys name it: `linux-x86_64`. */
  platform: string;
  cpu: number;
  memoryBytes: number;
  diskBytes: number;
  /** Devices that pods may ask for, by vendor. */
  gpus: { vendor: string; count: number; product?: string }[];
}

/** Architectures by what the API calls them. */
const ARCHITECTURES: Record<string, string> = { amd64: 'x86_64', arm64: 'aarch64' };

/** Vendors by the domain of what pods ask for. */
const VENDORS: Record<string, string> = {
  'nvidia.com/gpu': 'nvidia',
  'amd.com/gpu': 'amd',
  'gpu.intel.com/i915': 'intel',
};

const UNITS: Record<string, number> = {
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/** What a thousandth and the like are parts of: to divide is exact where to multiply is not. */
const PARTS: Record<string, number> = { n: 1e9, u: 1e6, m: 1e3 };

/** Taints by which a node takes no pod that does not say that it bears them; ours bear none. */
const REPELLING = ['NoSchedule', 'NoExecute'];

/** A number as the API writes it: `1900m`, `16Gi`, `1e3`. @returns NaN for what is none */
export function clusterQuantity(text: unknown): number {
  const match = /^([+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?)([A-Za-z]*)$/.exec(String(text ?? '0'));
  if (!match) return Number.NaN;
  const [, number, unit] = match as unknown as [string, string, string];
  const part = PARTS[unit];
  return part === undefined ? Number(number) * (UNITS[unit] ?? Number.NaN) : Number(number) / part;
}

/** A node, by the object of the API. */
export function nodeOf(object: StoredObject): ClusterNode {
  const { spec = {}, status = {} } = object as {
    spec?: { unschedulable?: boolean; taints?: { key: string; effect: string }[] };
    status?: {
      allocatable?: Record<string, string>;
      conditions?: { type: string; status: string }[];
      nodeInfo?: { operatingSystem?: string; architecture?: string };
    };
  };
  const { allocatable = {}, conditions = [], nodeInfo = {} } = status;
  const taint = spec.taints?.find(({ effect }) => REPELLING.includes(effect));
  const isReady = conditions.some(({ type, status: is }) => type === 'Ready' && is === 'True');
  const unusable = spec.unschedulable
    ? 'takes no new pods'
    : !isReady
      ? 'not ready'
      : taint && `tainted ${taint.key}`;
  const { labels = {} } = object.metadata;
  const product = labels['nvidia.com/gpu.product'];
  const gpus = Object.entries(VENDORS).flatMap(([resource, vendor]) => {
    const count = clusterQuantity(allocatable[resource]);
    const named = vendor === 'nvidia' && product !== undefined ? { product } : {};
    return count > 0 ? [{ vendor, count, ...named }] : [];
  });
  const { operatingSystem = 'linux', architecture = '' } = nodeInfo;
  return {
    name: object.metadata.name,
    ...(unusable === undefined ? {} : { unusable }),
    platform: `${operatingSystem}-${ARCHITECTURES[architecture] ?? architecture}`,
    cpu: clusterQuantity(allocatable.cpu),
    memoryBytes: Math.floor(clusterQuantity(allocatable.memory)),
    diskBytes: Math.floor(clusterQuantity(allocatable['ephemeral-storage'])),
    gpus,
  };
}
