import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseTreeList } from '../../src/bundle/tree.ts';
import { openPorts } from '../../src/cli/wiring.ts';
import type { LocalContentStore } from '../../src/content/content-store.ts';
import { openDiskContentStore } from '../../src/content/disk-content-store.ts';
import { openDiskPins } from '../../src/content/disk-pins.ts';
import { openDiskReferrers } from '../../src/content/disk-referrers.ts';
import type { Artifact, Engine, EngineContext, EngineEvent } from '../../src/engines/engine.ts';
import { openEnvironments } from '../../src/environments/prepare.ts';
import type { Finding } from '../../src/errors/same-error.ts';
import { openUserFiles } from '../../src/host/user-files.ts';
import { checkRequirements } from '../../src/infrastructure/requirements.ts';
import type { Ports } from '../../src/operations/ports.ts';
import { runProgram } from '../../src/operations/run-program.ts';
import type { Plan } from '../../src/pipeline/plan.ts';
import { openDiskRunStore } from '../../src/runs/disk-run-store.ts';
import { openDiskStepResults } from '../../src/runs/disk-step-results.ts';
import type { RunRecord } from '../../src/runs/run-record.ts';

/** Makes the engine under test over a content store. */
export type OpenEngine = (content: LocalContentStore) => Engine;

type Event = EngineEvent | { type: 'run-started'; record: RunRecord };
type Finished = Extract<EngineEvent, { type: 'step-finished' }>;

/** A fixture: what its folder holds and how it is run. */
export interface Fixture {
  /** Everything of the manifest but `apiVersion`, `kind` and `metadata`. */
  manifest: string;
  /** A name that ends in `!` is executable. */
  files?: Record<string, string | Buffer>;
  /** Values of parameters by `--set`. */
  set?: string[];
  /** The caller's variables, added to its own. */
  variables?: Record<string, string>;
  graceMs?: number;
  /** Told each event after it was stored; may interrupt. */
  onEvent?(event: Event, controls: { cancel(): void; kill(): void }): void;
  /** Changes what the engine is given. */
  context?(context: EngineContext): EngineContext;
  /** Changes the plan that the engine is given. */
  plan?(plan: Plan): Plan;
  /** Told each batch of events before anything is done with it. */
  batch?(events: readonly EngineEvent[]): void;
}

/** What came of a fixture. */
export interface Ran {
  record: RunRecord;
  problems: Finding[];
  events: Event[];
  home: string;
  content: LocalContentStore;
  /** Codes of all problems. */
  codes: string[];
  step(name: string): RunRecord['steps'][number];
  /** How each attempt of a step ended. */
  attempts(name: string): Finished[];
  log(step: string, stream?: 'stdout' | 'stderr'): Promise<string>;
  output(step: string, name: string): Promise<string>;
  /** Files of a directory output, by path. */
  tree(step: string, name: string): Promise<Record<string, string>>;
}

const directories: string[] = [];
process.on('exit', () => {
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
});

let adapters: Ports | undefined;

/** Adapters that belong to no home, made once because they listen for signals. */
function sharedAdapters(): Ports {
  adapters ??= openPorts({
    say: () => {},
    print: () => {},
    printJson: () => {},
    json: true,
    quiet: true,
    live: false,
    colour: false,
    exitCode: 0,
    stopping: '',
    warnings: [],
    ports: () => assert.fail('unused'),
    open: () => assert.fail('unused'),
  });
  return adapters;
}

/** The same manifest with another environment where it has the system's: `image: …`. */
function withEnvironment(manifest: string, environment: string | undefined): string {
  if (environment === undefined) return manifest;
  if (/^environments:/m.test(manifest)) return manifest.replaceAll('system: true', environment);
  return `environments: {default: {${environment}}}\n${manifest}`;
}

/**
 * Runs a fixture from its folder with an empty home of its own, by the product's own operation.
 * @param environment what stands in a manifest for `system: true`
 */
export async function runFixture(
  open: OpenEngine,
  fixture: Fixture,
  environment?: string | undefined,
): Promise<Ran> {
  const root = mkdtempSync(join(tmpdir(), 'same-contract-'));
  directories.push(root);
  const source = join(root, 'program');
  writeFiles(source, {
    'same.yaml': `apiVersion: same/v1\nkind: Program\nmetadata: {name: fixture, version: "1"}\n${withEnvironment(fixture.manifest, environment)}`,
    ...fixture.files,
  });
  const home = join(root, 'home');
  const content = openDiskContentStore(join(home, 'content'));
  const [cancel, kill] = [new AbortController(), new AbortController()];
  const shared = sharedAdapters();
  const variables = { ...shared.variables, ...fixture.variables };
  const engine = open(content);
  const runs = openDiskRunStore(join(home, 'runs'));
  const ports: Ports = {
    ...shared,
    home,
    content,
    pins: openDiskPins(join(home, 'content')),
    referrers: openDiskReferrers(join(home, 'content')),
    runs,
    results: openDiskStepResults(join(home, 'cache', 'results'), () => runs.allResults()),
    files: openUserFiles(home),
    variables,
    openEnvironments: (options) =>
      openEnvironments({
        ...options,
        directory: join(home, 'environments'),
        cacheDirectory: join(home, 'cache'),
      }),
    checkRequirements: async (program, environments) =>
      checkRequirements({ program, environments, homeDirectory: home, variables }),
    engine: () => ({
      name: engine.name,
      ...(engine.containers === undefined ? {} : { containers: engine.containers }),
      refusals: (plan) => engine.refusals(plan),
      async *run(plan, context) {
        const given = { ...context, graceMs: fixture.graceMs ?? context.graceMs };
        const planned = fixture.plan?.(plan) ?? plan;
        for await (const batch of engine.run(planned, fixture.context?.(given) ?? given)) {
          fixture.batch?.(batch);
          yield batch;
        }
      },
    }),
    cancel: cancel.signal,
    kill: kill.signal,
  };
  const events: Event[] = [];
  const { record, problems } = await runProgram(
    ports,
    { source, engine: engine.name, set: fixture.set ?? [], words: [], afterDashes: [], allowUnmet: false },
    (event) => {
      events.push(event);
      fixture.onEvent?.(event, { cancel: () => cancel.abort(), kill: () => kill.abort() });
    },
  );
  const step = (name: string) => {
    const found = record.steps.find((known) => known.name === name);
    assert.ok(found, `the record has no step ${name}`);
    return found;
  };
  const text = async (artifact: Artifact | undefined) => {
    assert.ok(artifact, 'there is no such artifact in the record');
    return (await content.read(artifact.digest, 2 ** 28)).toString('utf8');
  };
  return {
    record,
    problems,
    events,
    home,
    content,
    codes: problems.map(({ code }) => code),
    step,
    attempts: (name) =>
      events.filter((event): event is Finished => event.type === 'step-finished' && event.step === name),
    log: (name, stream = 'stdout') => text(step(name).logs?.[stream]),
    output: (name, output) => text(step(name).outputs[output]),
    async tree(name, output) {
      const digest = step(name).outputs[output]?.digest ?? '';
      assert.match(digest, /^tree:sha256:/);
      const files: Record<string, string> = {};
      for (const file of parseTreeList(await content.read(digest.slice('tree:'.length)))) {
        files[file.executable ? `${file.path}!` : file.path] = (await content.read(file.digest)).toString();
      }
      return files;
    },
  };
}

function writeFiles(directory: string, files: Record<string, string | Buffer>): void {
  for (const [name, bytes] of Object.entries(files)) {
    const path = join(directory, name.replace(/!$/, ''));
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, bytes);
    if (name.endsWith('!')) chmodSync(path, 0o755);
  }
}
