import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { missing } from '../components/installed.ts';
import { openRig, study } from './rig.ts';

describe('same run --trace', { skip: missing('strace') ?? false }, () => {
  it('names the files that a step reads and does not declare, and no others', async () => {
    using rig = openRig();
    const outside = rig.path('elsewhere', 'größe ä.csv');
    rig.write({
      'elsewhere/größe ä.csv': '1,2\n',
      'elsewhere/tool.sh!': '#!/bin/sh\necho tool\n',
      'study/same.yaml': study(`data: {own: {uri: own.csv}}
pipeline:
  steps:
    declared:
      run: "cat {{inputs.own}} part.txt > {{outputs.o}}; sort {{outputs.o}} > $TMPDIR/x; date > /dev/null"
      inputs: {own: {data: own}}
      outputs: {o: {}}
    sly:
      run: "cat '${outside}' /etc/hostname {{inputs.o}} > {{outputs.o}}; '${rig.path('elsewhere/tool.sh')}'"
      inputs: {o: {from: declared.o}}
      outputs: {o: {}}
`),
      'study/own.csv': '3\n',
      'study/part.txt': '4\n',
    });
    await rig.same(['run', '-f', 'study']);
    const traced = await rig.same(['run', '-f', 'study', '--trace']);
    assert.equal(traced.code, 0, traced.stderr);
    assert.match(traced.stderr, /step sly read 2 files that it does not declare:\n/);
    assert.ok(traced.stderr.includes(`\n  ${outside}\n  ${rig.path('elsewhere/tool.sh')}\n`), traced.stderr);
    assert.doesNotMatch(traced.stderr, /step declared read/);
    const { steps, warnings } = (await rig.same(['show', 'run', 'latest', '--json'])).json();
    assert.deepEqual(
      steps.map(({ cached }: { cached: boolean }) => cached),
      [false, false],
      'what is reused reads nothing',
    );
    assert.ok(warnings.includes('step sly read 2 files that it does not declare'), warnings.join('\n'));
    assert.ok(!JSON.stringify(warnings).includes(rig.root), 'no path of this machine is in the record');
  });

  it('keeps exit codes, signals and logs as they are', async () => {
    using rig = openRig();
    rig.write({
      'study/same.yaml': study(`pipeline:
  steps:
    exits: {run: "echo out; echo err >&2; exit 7"}
    dies: {run: "kill -9 $$"}
`),
    });
    const { steps } = (await rig.same(['run', '-f', 'study', '--trace', '--keep-going', '--json'])).json();
    const [dies, exits] = steps;
    assert.equal(exits.exitCode, 7);
    assert.equal(dies.signal, 'SIGKILL');
    const logs = await rig.same(['logs', 'latest', '--step', 'exits']);
    assert.deepEqual([logs.stdout, logs.stderr], ['out\n', 'err\n']);
  });

  it('is refused where there is no strace', async () => {
    using rig = openRig();
    rig.write({
      'study/same.yaml': study(`pipeline: {steps: {main: {run: [sh, -c, "true"]}}}
`),
      'bin/.keep': '',
    });
    const refused = await rig.same(['run', '-f', 'study', '--trace'], { env: { PATH: rig.path('bin') } });
    assert.equal(refused.code, 10);
    assert.match(refused.stderr, /SAME1701 --trace: want command strace, have none/);
  });
});
