import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { shimText } from '../../src/engines/shim.ts';
import { type ScriptCell, stepScript } from '../../src/engines/step-script.ts';
import { planStep } from '../../src/pipeline/plan-step.ts';
import type { JsonObject } from '../../src/program/json.ts';
import type { Program, Step } from '../../src/program/schema.ts';

/** Where attempts have their directories; gone when the tests of a file have ended. */
export const home = mkdtempSync(join(tmpdir(), 'same-shim-'));
const shim = join(home, 'shim.sh');
writeFileSync(shim, shimText());
after(() => rmSync(home, { recursive: true, force: true }));

interface Exit {
  ok: boolean;
  exit: number;
  again: boolean;
  timeout: boolean;
  stopped: boolean;
  attempt: number;
  error: string;
  missing: string;
}

/** A directory of an attempt with the script of a step in it. */
export function attempt(
  step: Step,
  {
    parameters = {},
    cells,
    ...given
  }: { parameters?: JsonObject; cells?: ScriptCell[] } & Partial<{
    variables: Record<string, string>;
    gpus: number;
    code: string;
    known: readonly string[];
  }> = {},
): string {
  const root = mkdtempSync(join(home, 'attempt-'));
  const planned = planStep('train', 'steps', step, parameters, { resources: {} } as Program);
  writeFileSync(
    join(root, 'step.sh'),
    stepScript({
      step: planned,
      cells: cells ?? planned.cells.map(({ name, matrix }) => ({ name, matrix, inputs: {} })),
      runId: '0123456789ab',
      root,
      variables: {},
      gpus: 0,
      ...given,
    }),
  );
  return root;
}

/** What came of an attempt, and what it kept. */
interface Ended {
  code: number;
  stdout: string;
  stderr: string;
  exit: Exit;
  kept(path: string): string;
}

/** The shim in one shell. */
export interface Shim {
  start(root: string, variables?: Record<string, string>): ChildProcess;
  run(root: string, variables?: Record<string, string>): Promise<Ended>;
}

/** The shim by each shell that it is to run in. */
export const shims: readonly (readonly [string, Shim])[] = ['dash', 'bash', 'busybox sh'].map((shell) => {
  const [command, ...words] = shell.split(' ') as [string, ...string[]];
  const start: Shim['start'] = (root, variables = {}) =>
    spawn(command, [...words, shim], {
      env: {
        PATH: process.env.PATH,
        SAME_DIR: root,
        SAME_STEP_FILE: join(root, 'step.sh'),
        SECRET_OF_CALLER: 'x',
        ...variables,
      },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
  const run: Shim['run'] = async (root, variables = {}) => ended(root, start(root, variables));
  return [shell, { start, run }];
});

/** Waits for the end of an attempt. */
export async function ended(root: string, child: ChildProcess): Promise<Ended> {
  let [stdout, stderr] = ['', ''];
  child.stdout!.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr!.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const [code] = (await once(child, 'close')) as [number];
  const kept = (path: string) => readFileSync(join(root, 'keep', path), 'utf8');
  const exit = JSON.parse(kept('.same/exit.json')) as Exit;
  return { code, stdout, stderr, exit, kept };
}
