import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { assertRefused, type Refusal } from './refusal.ts';
import { openRig, type Rig } from './rig.ts';

/** A title, the words of a command, and how it is refused. */
export type Case = [title: string, words: string[], wanted: Refusal];

/** Of every manifest here. */
export const head = 'apiVersion: same/v1\nkind: Program\nmetadata: {name: study, version: "1.0"}\n';
/** One step that does nothing. */
export const steps =
  'pipeline: {steps: {main: {run: [sh, -c, "echo ran > $SAME_OUT/said"], outputs: {said: {}}}}}\n';
/** A program with parameters. */
export const study = `${head}parameters:
  epochs: {type: integer, default: 10, minimum: 1, maximum: 100000}
  optimizer: {type: string, enum: [sgd, adam], default: adam}
  cuda: {type: boolean, default: false}
  layers: {type: array, items: {type: integer}, default: [1]}
profiles:
  smoke: {parameters: {epochs: 2}}
${steps}`;

/** {@link assertRefused} as the whole of a test. */
export async function refused(...words: Parameters<typeof assertRefused>): Promise<void> {
  await assertRefused(...words);
}

/** A test for each case. */
export function table(open: () => Rig, cases: Case[]): void {
  for (const [title, words, wanted] of cases) {
    test(title, async () => void (await assertRefused(open(), words, wanted)));
  }
}

/** A rig that has the program with parameters, for the tests of a suite. */
export function studyRig(): () => Rig {
  let rig: Rig;
  before(async () => {
    rig = openRig();
    rig.write({ 'study/same.yaml': study });
    assert.equal((await rig.same(['create', '-f', 'study'])).code, 0);
  });
  after(() => rig[Symbol.dispose]());
  return () => rig;
}
