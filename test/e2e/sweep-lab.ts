import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { RunRecord } from '../../src/runs/run-record.ts';
import type { SweepRecord } from '../../src/sweeps/sweep.ts';
import { type Ended, openRig, type Rig } from './rig.ts';

/** A program whose parameters are swept. */
export const PROGRAM = `apiVersion: same/v1
kind: Program
metadata: {name: study, version: "1.0"}
parameters:
  lr: {type: number, default: 0.1, exclusiveMinimum: 0, maximum: 1}
  seed: {type: integer, default: 0, minimum: 0}
  model: {type: string, enum: [a, b], default: a}
  trials: {type: integer, default: 1}
  title: {type: string, default: x}
profiles:
  quick: {parameters: {trials: 2}}
pipeline:
  steps:
    train: {run: [sh, train.sh, "{{parameters.lr}}", "{{parameters.seed}}", "{{parameters.model}}"]}
`;

/** Reports a loss that is lowest at lr 0.001, seed 0, model b; stays, fails or says nothing as files tell it. */
export const script = (root: string) => `echo "$2 $$" >> ${root}/started
while [ -e ${root}/hold.$2 ]; do sleep 0.02; done
[ -e ${root}/fail.$2 ] && exit 3
[ -e ${root}/silent.$2 ] && exit 0
awk -v lr="$1" -v s="$2" -v m="$3" 'BEGIN { printf "{\\"loss\\": %.6f}", (log(lr) / log(10) + 3) ^ 2 + s / 10 + (m == "a") }' > metrics.json
`;

/** A rig with the program stored. */
export async function openStudy(): Promise<Rig> {
  const rig = openRig();
  rig.write({ 'study/same.yaml': PROGRAM, 'study/train.sh': script(rig.root) });
  await works(rig, ['create', 'program', '-f', 'study']);
  return rig;
}

/** Runs a command that exits as it should. */
export async function works(rig: Rig, words: string[], code = 0): Promise<Ended> {
  const ended = await rig.same(words);
  assert.equal(ended.code, code, ended.stderr);
  return ended;
}

/** Sweeps the program. */
export async function sweep(rig: Rig, words: string[], code = 0): Promise<SweepRecord> {
  return (await works(rig, ['sweep', 'study:1.0', ...words, '--json'], code)).json();
}

/** Every run of the rig, newest first. */
export const runsOf = async (rig: Rig): Promise<RunRecord[]> =>
  (await works(rig, ['list', 'runs', '--json'])).json().items;
/** Of every step that started its seed and process, a line each. */
export const started = (rig: Rig): string[] =>
  existsSync(rig.path('started')) ? readFileSync(rig.path('started'), 'utf8').trim().split('\n') : [];
/** Makes the steps of seeds stay. */
export const hold = (rig: Rig, ...seeds: number[]) => {
  for (const seed of seeds) rig.write({ [`hold.${seed}`]: '' });
};
/** Lets them go on. */
export const release = (rig: Rig, ...seeds: number[]) => {
  for (const seed of seeds) rmSync(rig.path(`hold.${seed}`));
};
/** What each trial tried. */
export const valuesOf = ({ results }: SweepRecord) => results.map(({ values }) => values);

/** Where the files of a sweep lie. */
export const directoryOf = (rig: Rig, { id, startedAt }: SweepRecord) =>
  join(rig.home, 'sweeps', startedAt.slice(0, 4), startedAt.slice(5, 7), id);

/** Lines of the journals of all sweeps of a rig. */
export function journalLines(rig: Rig): number {
  const directory = join(rig.home, 'sweeps');
  if (!existsSync(directory)) return 0;
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.jsonl'))
    .reduce((sum, name) => sum + readFileSync(join(directory, name), 'utf8').split('\n').length - 1, 0);
}
