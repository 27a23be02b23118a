import type { Finding } from '../errors/same-error.ts';
import { SameError } from '../errors/same-error.ts';
import {
  isStoreKind,
  METADATA_STORES,
  type MetadataStoreAddress,
  parseStoreAddress,
} from '../program/store-address.ts';
import type { MetadataStore } from '../runs/metadata/metadata-store.ts';
import type { Ports } from './ports.ts';
import { changeConfiguration } from './registry-aliases.ts';

/** What a home's runs are told to, and how that goes. */
export interface StoreState {
  kind: MetadataStoreAddress['kind'] | 'built-in';
  address?: string;
  ca?: string;
  /** Whether it answered, took the login and can be written; absent of the home's own. */
  reachable?: boolean;
  /** Why it is not. */
  because?: Finding;
  waiting: number;
  refused: { what: string; findings: Finding[] }[];
  /** What was in the way when it was told something last. */
  problem?: Finding;
}

/** What `same set store` left. */
export interface SetStore {
  store: MetadataStoreAddress | undefined;
  changed: boolean;
  /** What was set before, where that was another one. */
  replaced?: MetadataStoreAddress;
  waiting: number;
}

/**
 * `same set store`: says in `config.yaml` of the home where runs are told to, or that they are not. Nothing is asked of
 * the store.
 * @param wish.kind one of the kinds, or `built-in`
 * @throws SAME1814, SAME1902; SAME1805 of the file of authorities; what is wrong with `config.yaml`
 */
export async function setStore(
  ports: Ports,
  wish: { kind: string; address?: string | undefined; caFile?: string | undefined },
): Promise<SetStore> {
  const store = wanted(ports, wish);
  // What it cannot be opened by is not set.
  if (store) await (await openStore(ports, store))[Symbol.asyncDispose]();
  const waiting = (await ports.openOutbox()).count();
  return changeConfiguration<SetStore>(ports, async ({ text, store: before, editor }) => {
    const isSame = JSON.stringify(before) === JSON.stringify(store);
    if (isSame) return { result: { store, changed: false, waiting } };
    return {
      text: editor.withStore(text, store),
      result: { store, changed: true, waiting, ...(before ? { replaced: before } : {}) },
    };
  });
}

function wanted(
  ports: Ports,
  { kind, address, caFile }: { kind: string; address?: string | undefined; caFile?: string | undefined },
): MetadataStoreAddress | undefined {
  const usage = (message: string, hint: string) => new SameError({ code: 'SAME1902', message, hint });
  if (kind === 'built-in') {
    if (address === undefined && caFile === undefined) return undefined;
    throw usage('the home’s own store has no address', 'same set store built-in');
  }
  if (!isStoreKind(kind))
    throw usage(
      `${JSON.stringify(kind)} is no kind of store`,
      `there are: ${[...METADATA_STORES, 'built-in'].join(', ')}`,
    );
  if (address === undefined)
    throw usage(`a store of kind ${kind} needs its address`, `same set store ${kind} ADDRESS`);
  const parsed = parseStoreAddress(kind, address);
  if (caFile === undefined) return { kind, address: parsed };
  return { kind, address: parsed, caFile: ports.files.resolve(caFile) };
}

/** `same show store`: asks the store whether it is there. @throws what is wrong with `config.yaml` */
export async function showStore(ports: Ports): Promise<StoreState> {
  const address = await ports.metadataStore();
  const outbox = await ports.openOutbox();
  const queue = {
    waiting: outbox.count(),
    refused: outbox.refused().map(({ telling, refused = [] }) => ({
      what: telling.kind === 'run' ? telling.id : `${telling.name}:${telling.version}`,
      findings: refused,
    })),
  };
  if (!address) return { kind: 'built-in', ...queue };
  const { problem } = outbox;
  const { kind, caFile } = address;
  const because = await whyNot(ports, address);
  return {
    kind,
    address: address.address,
    ...(caFile === undefined ? {} : { ca: caFile }),
    reachable: because === undefined,
    ...(because ? { because } : {}),
    ...queue,
    // What was in the way of another store says nothing about this one.
    ...(problem?.store === address.address ? { problem: problem.finding } : {}),
  };
}

function openStore(ports: Ports, address: MetadataStoreAddress): Promise<MetadataStore> {
  return ports.openMetadataStore(address, { signal: ports.cancel, isPatient: false });
}

async function whyNot(ports: Ports, address: MetadataStoreAddress): Promise<Finding | undefined> {
  try {
    await using store = await openStore(ports, address);
    await store.check();
    return undefined;
  } catch (error) {
    if (!(error instanceof SameError) || error.code === 'SAME1903') throw error;
    return error.findings[0];
  }
}

/** Queues every program and every run of this home that is over. @returns how many */
export async function queueAll(ports: Ports): Promise<number> {
  const outbox = await ports.openOutbox();
  let count = 0;
  for (const { name, version, digest, pinnedAt } of ports.pins.list()) {
    outbox.put({ kind: 'program', name, version, digest, createdAt: pinnedAt });
    count++;
  }
  for (const { record } of ports.runs.newest()) {
    if (record.finishedAt === undefined || record.status === 'running' || record.status === 'pending')
      continue;
    outbox.put({ kind: 'run', id: record.id });
    count++;
  }
  return count;
}
