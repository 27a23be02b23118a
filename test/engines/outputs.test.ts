import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { strayEntries } from '../../src/engines/attempt/outputs.ts';
import type { Workspace } from '../../src/engines/attempt/step-attempt.ts';
import type { PlannedStep } from '../../src/pipeline/plan.ts';

const berth = mkdtempSync(join(tmpdir(), 'same-outputs-'));
after(() => rmSync(berth, { recursive: true, force: true }));

describe('what a step leaves beside its own directories', () => {
  it('is told under any name, also one that every object has', () => {
    const root = join(berth, 'attempt');
    const [place, out] = [join(root, 'in'), join(root, 'out')];
    for (const directory of [place, out]) mkdirSync(directory, { recursive: true });
    for (const path of ['in/data', 'in/valueOf', 'out/model', 'out/toString', 'out/constructor'])
      writeFileSync(join(root, path), '');
    const found = strayEntries(
      { berth, root, in: place, out } as Workspace,
      { inputs: { data: {} }, outputs: { model: {} } } as unknown as PlannedStep,
      'train',
    );
    assert.deepEqual(
      found.map(({ message }) => /"(.*)"/.exec(message)![1]),
      ['in/valueOf', 'out/constructor', 'out/toString'],
    );
  });
});
