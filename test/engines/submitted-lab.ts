import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { openDiskContentStore } from '../../src/content/disk-content-store.ts';
import type { Finished, StepAttempt } from '../../src/engines/attempt/step-attempt.ts';
import type { EngineContext, EngineEvent } from '../../src/engines/engine.ts';
import type { Kind, StoredObject } from '../../src/engines/kubernetes/cluster.ts';
import { clusterError } from '../../src/engines/kubernetes/cluster-error.ts';
import type { ClusterObject, Compilation } from '../../src/engines/kubernetes/compilation.ts';
import { runNames } from '../../src/engines/kubernetes/run-names.ts';
import { submit } from '../../src/engines/submitted/submission.ts';
import { SubmittedAttempts } from '../../src/engines/submitted/submitted-attempts.ts';
import type { SubmittedRun } from '../../src/engines/submitted/submitted-run.ts';
import type { System } from '../../src/engines/submitted/system.ts';
import type { Step } from '../../src/program/schema.ts';
import { compilation, compiled, RUN } from './compilations.ts';

/** Objects of one kind, as a watch has them. */
interface Watching {
  objects: Map<string, StoredObject>;
  changes: number;
}

/** What a run in a lab is made of. */
export interface Lab<State> {
  system: System;
  /** Of the test, for files. */
  root: string;
  step: Step;
  /** One after the other, each time that something waits for another one. */
  states: State[];
  /** Puts what is in the cluster into a state. */
  show(state: State, wholes: Watching, parts: Watching): void;
  /** Files on the volume, below the directory of the cell; as they are each time that it is looked at. */
  volume: Record<string, string> | (() => Record<string, string>);
  pods?: StoredObject[];
}

/** What a shim says of the end of an attempt. */
export function exitText(changes: object): string {
  return `${JSON.stringify({
    ...{ v: 1, ok: false, exit: 0, again: true, timeout: false, stopped: false, attempt: 1 },
    ...{ error: '', missing: '', start: '2026-01-01T00:00:00Z', end: '2026-01-01T00:00:03Z' },
    ...changes,
  })}\n`;
}

/** Codes of what an attempt failed of. */
export const codes = ({ problems }: Finished) => problems.map(({ code }) => code);

/** A run of the one step `train`, of which a test says what its system makes of it. */
export function openLab<State>({ system, root, step: of, states, show, volume, pods = [] }: Lab<State>) {
  const watching = (): Watching => ({ objects: new Map(), changes: 0 });
  const [wholes, parts] = [watching(), watching()];
  const asked: string[] = [];
  const told: string[] = [];
  const cancel = new AbortController();
  const directory = `${system.engine}-${RUN}`;
  const next = () => {
    const state = states.shift();
    assert.ok(state, 'something is waited for that never comes');
    for (const each of [wholes, parts]) {
      each.objects.clear();
      each.changes++;
    }
    show(state, wholes, parts);
  };
  next();
  const run = {
    system,
    cluster: {
      delete: async () => true,
      patch: async (_: Kind, name: string, { spec }: ClusterObject) =>
        void asked.push(`patch ${name} ${JSON.stringify(spec)}`),
    },
    names: { run: RUN, directory },
    whole: system.objectName(RUN),
    pods: { objects: new Map(pods.map((pod) => [pod.metadata.name, pod])) },
    parts,
    wholes: {
      ...wholes,
      async until(look: () => unknown, signal?: AbortSignal) {
        for (;;) {
          const found = look();
          if (found !== undefined || signal?.aborted) return found;
          if (states.length === 0 && !cancel.signal.aborted) cancel.abort();
          else next();
        }
      },
    },
    carrier: {
      async take(path: string, fresh: () => string) {
        asked.push(path);
        const prefix = path.slice(`${directory}/train/0`.length).replace(/^\//, '');
        const files = Object.entries(typeof volume === 'function' ? volume() : volume).flatMap(
          ([name, text]) =>
            prefix === ''
              ? [[name, text]]
              : name.startsWith(`${prefix}/`)
                ? [[name.slice(prefix.length + 1), text]]
                : [],
        ) as [string, string][];
        if (files.length === 0) return false;
        const place = fresh();
        for (const [name, text] of files) {
          mkdirSync(dirname(join(place, name)), { recursive: true });
          writeFileSync(join(place, name), text);
        }
        return true;
      },
    },
    say: (line: string) => told.push(line),
    terminate: () => asked.push('terminate'),
    stopSteps: () => asked.push('stop'),
    missController() {},
  } as unknown as SubmittedRun;
  const content = openDiskContentStore(join(root, 'content'));
  const context = {
    runId: `r-${RUN}`,
    workDirectory: join(root, 'work'),
    scratch: () => join(root, 'scratch'),
    logPaths: (step: string, attempt: number) => ({
      stdout: join(root, 'logs', `${step}-${attempt}.out`),
      stderr: join(root, 'logs', `${step}-${attempt}.err`),
    }),
    mask: (text: string) => text,
    keepLog: async (path: string) => content.write(Buffer.from(path)),
  } as unknown as EngineContext;
  const { step } = compiled('train', of);
  const submission = { uid: 'u', cells: { train: ['train'], after: ['after'] }, runs: new Set<string>() };
  const attempts = new SubmittedAttempts(run, submission, content);
  const attempt = (number: number, group: 'steps' | 'finally' = 'steps', name = 'train'): Promise<Finished> =>
    attempts.run(
      {
        ...{ step: { ...step, name, group }, cell: { ...step.cells[0]!, name }, attempt: number },
        ...{ inputs: {}, gpus: [], context, content },
        key: { key: 'sha256:0', document: '' },
        environment: { key: 'k', variables: {}, path: [] },
        ...{ cancel: cancel.signal, kill: new AbortController().signal },
      } as unknown as StepAttempt,
      () => {},
    );
  return { attempt, attempts, asked, told };
}

/** An API that keeps what it is given, of which a test may look at everything that was asked. */
export function fakeCluster() {
  const kept = new Map<string, StoredObject>();
  const asked: string[] = [];
  let uids = 0;
  const key = ({ plural }: Kind, name: string) => `${plural} ${name}`;
  const cluster = {
    async get(kind: Kind, name: string) {
      return kept.get(key(kind, name));
    },
    async create(kind: Kind, object: ClusterObject) {
      const { name } = object.metadata as { name: string };
      asked.push(`create ${key(kind, name)}`);
      if (kept.has(key(kind, name))) throw clusterError('exists', 'there is one');
      const made = {
        ...object,
        metadata: { ...(object.metadata as object), uid: `u${++uids}`, resourceVersion: '1' },
      } as StoredObject;
      kept.set(key(kind, name), made);
      return made;
    },
    async patch(kind: Kind, name: string, changes: { metadata?: { annotations?: object }; spec?: object }) {
      asked.push(`patch ${key(kind, name)}`);
      const there = kept.get(key(kind, name))!;
      Object.assign(there.metadata.annotations!, changes.metadata?.annotations);
      const spec = there.spec as Record<string, unknown>;
      for (const [field, value] of Object.entries(changes.spec ?? {})) {
        if (value === null) delete spec[field];
        else spec[field] = value;
      }
      return there;
    },
    async delete(kind: Kind, name: string) {
      asked.push(`delete ${key(kind, name)}`);
      return kept.delete(key(kind, name));
    },
  };
  return { cluster, kept, asked };
}

/** The run of every client of a lab. */
export const RUN_ID = `01a20246-cc45-785e-894a-${RUN}`;

/** A client that submits steps, or takes over what is there; with `isStuck` that never goes away, and it is interrupted. */
export function openClient(
  system: System,
  fake: ReturnType<typeof fakeCluster>,
  runId: string,
  steps: Compilation['steps'],
  { isStuck = false }: { isStuck?: boolean } = {},
) {
  const cancel = new AbortController();
  const told: string[] = [];
  const removed: string[] = [];
  const names = runNames(RUN_ID);
  const directory = `${system.engine}-${RUN}`;
  const run = {
    cluster: fake.cluster,
    names: { ...names, directory },
    system,
    whole: system.objectName(RUN),
    wholes: {
      objects: new Map(),
      add() {},
      async until(look: () => unknown, signal: AbortSignal) {
        if (!isStuck) return look();
        cancel.abort();
        assert.ok(signal.aborted, 'it goes on waiting');
        return undefined;
      },
    },
    carrier: { remove: async (path: string) => void removed.push(path) },
    say: (line: string) => told.push(line),
  } as unknown as SubmittedRun;
  const context = {
    runId,
    secrets: { TOKEN: 'hidden' },
    cancel: cancel.signal,
    kill: new AbortController().signal,
    settle: () => fake.asked.push('settle'),
  } as unknown as EngineContext;
  const compile = async (_: readonly EngineEvent[], id: string): Promise<Compilation> => ({
    ...compilation(steps),
    watched: { id, directory, secret: `secrets-${id}` },
  });
  return { submit: () => submit(run, { context, told: [], compile }), told, removed };
}
