import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';
import type { Compilation } from '../../src/engines/kubernetes/compilation.ts';
import { manifestText } from '../../src/engines/kubernetes/manifest-text.ts';
import { compilePipelineRun } from '../../src/engines/tekton/pipeline-run.ts';
import { pipelineRunRefusals } from '../../src/engines/tekton/refusals.ts';
import { openRig } from '../e2e/rig.ts';
import { compilation, compiled, IMAGE, matrixOf, planOf, RUN } from './compilations.ts';

interface Task {
  name: string;
  runAfter?: string[];
  retries?: number;
  timeout: string;
  matrix?: { params: { name: string; value: string[] }[] };
  taskSpec: {
    steps: { command: string[]; env: { name: string; value: string }[]; computeResources?: object }[];
    volumes: { name: string; emptyDir?: object }[];
  };
}

interface PipelineRun {
  metadata: { name: string };
  spec: {
    timeouts: unknown;
    taskRunSpecs?: { pipelineTaskName: string }[];
    pipelineSpec: { tasks: Task[]; finally?: Task[] };
  };
}

function pipelineRun(of: Compilation): PipelineRun {
  const { objects, findings } = compilePipelineRun(of);
  assert.deepEqual(findings, []);
  return objects.at(-1) as unknown as PipelineRun;
}

const variable = ({ taskSpec }: Task, name: string) =>
  taskSpec.steps[0]!.env.find((each) => each.name === name)?.value;

describe('a plan as a PipelineRun', () => {
  it('has one task for each step, whose cells are a matrix of their numbers', () => {
    const made = pipelineRun(
      compilation([
        compiled('prep', { run: ['true'], cache: 'portable' }),
        compiled('train', matrixOf(3), { after: ['prep'] }),
      ]),
    );
    const [prep, train] = made.spec.pipelineSpec.tasks;
    assert.equal(made.metadata.name, `same-${RUN}`);
    assert.equal(made.spec.pipelineSpec.finally, undefined);
    assert.deepEqual(
      [prep!.matrix, prep!.runAfter, variable(prep!, 'SAME_CELL')],
      [undefined, undefined, '0'],
    );
    assert.deepEqual(train!.matrix, { params: [{ name: 'cell', value: ['0', '1', '2'] }] });
    assert.deepEqual([train!.runAfter, variable(train!, 'SAME_CELL')], [['prep'], '$(params.cell)']);
    assert.deepEqual(
      made.spec.taskRunSpecs!.map(({ pipelineTaskName }) => pipelineTaskName),
      ['train'],
      'what is portable runs on any node',
    );
  });

  it('has more tasks for a step of more cells than a matrix has, and what reads from it waits for all', () => {
    const made = pipelineRun(
      compilation([
        compiled('train', matrixOf(600)),
        compiled('score', { run: ['true'] }, { after: ['train'] }),
      ]),
    );
    const { tasks } = made.spec.pipelineSpec;
    const cells = tasks.slice(0, 3).map(({ matrix }) => matrix!.params[0]!.value);
    assert.deepEqual(
      cells.map(({ length }) => length),
      [256, 256, 88],
    );
    assert.deepEqual(
      cells.flat(),
      Array.from({ length: 600 }, (_, n) => String(n)),
    );
    assert.deepEqual(
      tasks[3]!.runAfter,
      tasks.slice(0, 3).map(({ name }) => name),
    );
  });

  it('runs the steps of finally at its end, or as its tasks where nothing else is to run', () => {
    const report = compiled('report', { run: ['true'] }, { after: ['prep'] }, 'finally');
    const both = pipelineRun(compilation([compiled('prep', { run: ['true'] }), report]));
    assert.deepEqual(
      both.spec.pipelineSpec.finally!.map(({ name, runAfter }) => [name, runAfter]),
      [['report', undefined]],
    );
    const notify = compiled('notify', { run: ['true'] }, { after: ['report'] }, 'finally');
    const alone = pipelineRun(compilation([report, notify]));
    assert.deepEqual(
      alone.spec.pipelineSpec.tasks.map(({ name, runAfter }) => [name, runAfter]),
      [
        ['report', undefined],
        ['notify', ['report']],
      ],
    );
    assert.equal(alone.spec.pipelineSpec.finally, undefined);
  });

  it('has no hour for what says nothing, and tells the shim how often it was repeated', () => {
    const made = pipelineRun(
      compilation([
        compiled('train', { run: ['true'], timeout: '30m', retries: { max: 2, codes: [137] } }),
        compiled('score', { run: ['true'] }),
      ]),
    );
    assert.deepEqual(made.spec.timeouts, { pipeline: '0s' });
    const [train, score] = made.spec.pipelineSpec.tasks;
    assert.deepEqual([train!.timeout, train!.retries], ['5400s', 2]);
    assert.equal(variable(train!, 'SAME_RETRIES'), '$(context.task.retry-count)');
    assert.deepEqual(
      [score!.timeout, score!.retries, variable(score!, 'SAME_RETRIES')],
      ['0s', undefined, undefined],
    );
  });

  it('gives a step all the disk that it asks for, beside the program that Tekton puts into its pod', () => {
    const given = (disk?: string) => {
      const resources = { cpu: 2, ...(disk && { disk: { size: disk } }) };
      const made = pipelineRun(compilation([compiled('train', { run: ['true'], resources })]));
      const { steps, volumes } = made.spec.pipelineSpec.tasks[0]!.taskSpec;
      return { ...steps[0]!.computeResources, work: volumes.find(({ name }) => name === 'work')!.emptyDir };
    };
    const small = { cpu: '2', 'ephemeral-storage': String((40 + 128) * 2 ** 20) };
    assert.deepEqual(given('40Mi'), { requests: small, limits: small, work: { sizeLimit: '40Mi' } });
    assert.deepEqual(given(), { requests: { cpu: '2' }, limits: { cpu: '2' }, work: {} });
  });

  it('repeats nothing that was killed with its shim where codes are without that end, as nobody was left to say so', () => {
    using rig = openRig();
    const killed = (codes?: number[]) => {
      const step = compiled('train', { run: ['true'], retries: { max: 2, ...(codes && { codes }) } });
      const [task] = pipelineRun(compilation([step])).spec.pipelineSpec.tasks;
      return task!.taskSpec.steps[0]!.command;
    };
    for (const codes of [undefined, [3, 137]]) assert.deepEqual(killed(codes), ['sh', '/same/spec/shim.sh']);
    const [program, ...words] = killed([3]).map((word) => word.replaceAll('/same/', `${rig.root}/`));
    rig.write({ 'spec/shim.sh': 'echo attempt $#; exit 5' });
    const attempt = (repeated: string) => {
      const env = { ...process.env, SAME_RETRIES: repeated };
      const { status, stdout } = spawnSync(program!, words, { encoding: 'utf8', env });
      return [status, stdout];
    };
    const begun = [5, 'attempt 0\n'];
    assert.deepEqual(attempt('1'), begun, 'the first one never got to its shim');
    rig.write({ 'keep/.same/stdout': '' });
    assert.deepEqual(attempt('0'), begun, 'what is there was left by another application of the run');
    assert.deepEqual(attempt('1'), [137, '']);
    rig.write({ 'keep/.same/exit.json': '{}' });
    assert.deepEqual(attempt('1'), begun, 'the shim says what is final');
  });

  it('lets Tekton fill in nothing but numbers, whatever the program says', () => {
    const nasty = ['$(params.cell)', '$(tasks.x.results.y)', '{{x}}', '$$', "it's", 'é\u2028', '\ttab\r'];
    const step = compiled(
      'train',
      {
        run: ['echo', ...nasty.slice(3)],
        matrix: { x: [nasty[0]!, nasty[1]!] },
        secrets: ['HF_TOKEN'],
        retries: { max: 1 },
      },
      { variables: { HF_TOKEN: 'declared', X: nasty[1]! } },
    );
    const made = pipelineRun(compilation([step]));
    const filled = JSON.stringify(made).match(/\{\{[^}]*\}\}|\$\([^)]*\)/g)!;
    assert.deepEqual([...new Set(filled)].sort(), [
      '$(SAME_CELL)',
      '$(context.task.retry-count)',
      '$(params.cell)',
      '$(results.exit.path)',
    ]);
    assert.ok(!manifestText(compilePipelineRun(compilation([step])).objects, []).includes('declared'));
  });

  it('is the same for the same plan, of a thousand cells in 0.3 seconds of this processor, within what an object holds', () => {
    const input = compilation([compiled('train', matrixOf(1000))]);
    const began = process.cpuUsage();
    const { objects, findings } = compilePipelineRun(input);
    const text = manifestText(objects, []);
    const { user, system } = process.cpuUsage(began);
    assert.deepEqual(findings, []);
    assert.ok(user + system <= 300_000, `${(user + system) / 1000} ms`);
    assert.ok(JSON.stringify(objects.at(-1)).length < 100_000);
    assert.equal(manifestText(compilePipelineRun(input).objects, []), text);
  });

  it('refuses what is too large, and every field that it cannot honour, all at once', () => {
    const { findings } = compilePipelineRun(compilation([compiled('train', matrixOf(5000))]));
    assert.match(
      findings.at(-1)!.message,
      /^pipeline\.steps\.train with 5000 cells is not supported by engine tekton: a PipelineRun holds /,
    );
    const train = compiled('train', {
      ...matrixOf(4),
      mutex: ['m'],
      parallel: 2,
      retries: { max: 1, backoff: '5s', codes: [124] },
    });
    const report = compiled('report', { run: ['true'], outputs: { o: {} } }, {}, 'finally');
    const notify = compiled('notify', { run: ['true'], inputs: { x: { from: 'report.o' } } }, {}, 'finally');
    const refused = pipelineRunRefusals(
      planOf([train.step, report.step, notify.step], { a: { system: true }, c: { image: IMAGE } }),
    );
    assert.deepEqual(
      refused.map(({ message }) => message.split(' is not supported by engine tekton')[0]),
      [
        'environments.a without an image',
        'pipeline.steps.train.retries.codes (124)',
        'pipeline.steps.train.retries.backoff',
        'pipeline.steps.train.mutex',
        'pipeline.steps.train.parallel (2 of 4 cells)',
        'pipeline.finally.notify.inputs.x',
      ],
    );
  });

  it('refuses more attempts than a TaskRun can keep, as it would never end', () => {
    const refused = (max: number, secrets: string[]) => {
      const step = compiled('train', { run: ['true'], secrets, retries: { max } });
      return compilePipelineRun(compilation([step])).findings.map(({ message }) => message);
    };
    const many = Array.from({ length: 400 }, (_, n) => `SECRET_OF_A_LONG_NAME_${n}`);
    assert.deepEqual([refused(100, []), refused(10, many)], [[], []]);
    const [message, ...others] = refused(24, many);
    assert.match(
      message!,
      /^pipeline\.steps\.train\.retries\.max \(24\) is not supported by engine tekton: a TaskRun holds .* to about 1\.\d MiB$/,
    );
    assert.deepEqual(others, []);
  });

  it('is nothing where nothing is to run', () => {
    assert.deepEqual(compilePipelineRun(compilation([])).objects, []);
  });
});
