import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openRig, study } from './rig.ts';

describe('a report of more figures than a call can have arguments', () => {
  it('is read whole', async () => {
    using rig = openRig();
    rig.write({
      'study/same.yaml': study(`pipeline: {steps: {a: {run: [awk, -f, figures.awk]}}}
`),
      'study/figures.awk':
        'BEGIN { f = "metrics.json"; printf "{\\"k\\": 0" > f; for (i = 0; i < 150000; i++) printf ", \\"k%d\\": %d", i, i > f; print "}" > f }\n',
    });
    const ended = await rig.same(['run', '-f', 'study', '--json']);
    assert.equal(ended.code, 0, ended.stderr);
    assert.equal(ended.json().metrics.length, 150_001);
  });
});
