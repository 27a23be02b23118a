import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { experimentCompiler } from '../../src/engines/katib/compiler.ts';
import { metricFormat } from '../../src/engines/katib/experiment.ts';
import type { Compilation, CompiledStep } from '../../src/engines/kubernetes/compilation.ts';
import { shimText } from '../../src/engines/shim.ts';
import { openCommand } from '../../src/pipeline/open-command.ts';
import type { Plan } from '../../src/pipeline/plan.ts';
import { planStep } from '../../src/pipeline/plan-step.ts';
import type { JsonObject } from '../../src/program/json.ts';
import type { Program, Step } from '../../src/program/schema.ts';
import type { Dimension } from '../../src/sweeps/search-space.ts';
import type { Search } from '../../src/sweeps/sweep.ts';

const IMAGE = `docker.io/library/busybox@sha256:${'0'.repeat(64)}`;
const home = mkdtempSync(join(tmpdir(), 'same-katib-'));
after(() => rmSync(home, { recursive: true, force: true }));

const LR: Dimension = { name: 'lr', kind: 'log', low: 1e-5, high: 0.1 };
const LAYERS: Dimension = { name: 'layers', kind: 'linear', low: 1, high: 8, multipleOf: 1 };
const NASTY = 'it\'s {{x}} $(VAR) ${trialParameters.lr}\n"é';
const OPTIMIZER: Dimension = { name: 'optimizer', kind: 'choice', values: ['adam', NASTY, '1e3'] };

function searchOf(space: Dimension[], more: Partial<Search> = {}): Search {
  const objective = { direction: 'min' as const, metric: 'train.loss' };
  return { space, algorithm: 'tpe', trials: 20, samplerSeed: 7, objective, jobs: 3, ...more };
}

function compilation(step: Step, parameters: JsonObject, open: string[] = []): Compilation {
  const planned = planStep('train', 'steps', step, parameters, {
    parameters: Object.fromEntries(Object.keys(parameters).map((name) => [name, {}])),
  } as unknown as Program);
  const only: CompiledStep = {
    step: { ...planned, command: openCommand(planned.template, planned.parameters, new Set(open)) },
    cells: planned.cells.map(({ name, matrix }) => ({ name, matrix, inputs: {} })),
    image: IMAGE,
    variables: {},
    archives: [],
    after: [],
  };
  const program = { name: 'demo', version: '1.0', digest: `sha256:${'1'.repeat(64)}` };
  return {
    plan: { program, environments: {}, steps: [planned] } as unknown as Plan,
    runId: '0123456789ab',
    steps: [only],
    platform: 'linux-x86_64',
    optionalSecrets: [],
    onFailure: 'finish',
    shim: shimText(),
  };
}

// biome-ignore lint/suspicious/noExplicitAny: tests look into documents of every shape
type Document = any;

function experimentOf(input: Compilation, search: Search): { spec: Document; objects: Document[] } {
  const { objects, findings } = experimentCompiler.compile(input, search, []);
  assert.deepEqual(findings, []);
  return { spec: (objects.at(-1) as Document).spec, objects };
}

/** The members that Katib's API knows, of what is written (v1beta1). */
const MEMBERS: Record<string, string[]> = {
  spec: 'algorithm earlyStopping maxFailedTrialCount maxTrialCount metricsCollectorSpec nasConfig objective parallelTrialCount parameters resumePolicy trialTemplate'.split(
    ' ',
  ),
  objective: ['additionalMetricNames', 'goal', 'metricStrategies', 'objectiveMetricName', 'type'],
  algorithm: ['algorithmName', 'algorithmSettings'],
  metricsCollectorSpec: ['collector', 'source'],
  source: ['fileSystemPath', 'filter', 'httpGet'],
  fileSystemPath: ['format', 'kind', 'path'],
  filter: ['metricsFormat'],
  feasibleSpace: ['distribution', 'list', 'max', 'min', 'step'],
  trialTemplate:
    'configMap failureCondition primaryContainerName primaryPodLabels retain successCondition trialParameters trialSpec'.split(
      ' ',
    ),
};

describe('a search as an Experiment of Katib', () => {
  it('has the space, the way of searching and the objective in the members that Katib knows', () => {
    const input = compilation({ run: ['true'] }, { lr: 0.1, layers: 2, optimizer: 'adam' });
    const { spec } = experimentOf(input, searchOf([LR, LAYERS, OPTIMIZER]));
    const check = (value: Document, name: string): void => {
      if (name === 'trialSpec' || typeof value !== 'object') return;
      for (const [member, inner] of Object.entries(value)) {
        if (MEMBERS[name]) assert.ok(MEMBERS[name].includes(member), `${name}.${member}`);
        check(inner, Array.isArray(value) ? name.replace(/s$/, '') : member);
      }
    };
    check(spec, 'spec');
    assert.deepEqual(spec.objective, {
      type: 'minimize',
      objectiveMetricName: 'loss',
      metricStrategies: [{ name: 'loss', value: 'latest' }],
    });
    assert.deepEqual(spec.algorithm, {
      algorithmName: 'tpe',
      algorithmSettings: [{ name: 'random_state', value: '7' }],
    });
    assert.deepEqual([spec.maxTrialCount, spec.parallelTrialCount, spec.maxFailedTrialCount], [20, 3, 20]);
    assert.deepEqual(spec.parameters, [
      {
        name: 'lr',
        parameterType: 'double',
        feasibleSpace: { min: '0.00001', max: '0.1', distribution: 'logUniform' },
      },
      { name: 'layers', parameterType: 'int', feasibleSpace: { min: '1', max: '8' } },
      {
        name: 'optimizer',
        parameterType: 'categorical',
        feasibleSpace: { list: ['adam', 'value 1', '1e3'] },
      },
    ]);
  });

  it('lists the values of ranges and of multiples, which Katib would not keep to', () => {
    const range: Dimension = { name: 'a', kind: 'range', start: 1, end: 10, step: 3 };
    const multiples: Dimension = { name: 'b', kind: 'linear', low: 0.25, high: 1, multipleOf: 0.25 };
    const { spec } = experimentOf(
      compilation({ run: ['true'] }, {}),
      searchOf([range, multiples], { algorithm: 'grid' }),
    );
    assert.deepEqual(
      spec.parameters.map((each: Document) => [each.parameterType, each.feasibleSpace.list]),
      [
        ['discrete', ['1', '4', '7']],
        ['discrete', ['0.25', '0.5', '0.75', '1']],
      ],
    );
  });

  it('refuses of a search what Katib cannot honour, by the words that say it', () => {
    const refused = (search: Search, seed?: string) =>
      experimentCompiler
        .searchRefusals(search, seed)
        .map(({ message }) => message.split(' is not supported by')[0]);
    const { objective: _, ...without } = searchOf([LR]);
    assert.deepEqual(refused(without), ['a search without an objective']);
    const far = { direction: 'min' as const, metric: 'val/loss' };
    assert.deepEqual(refused(searchOf([LR], { objective: far })), ['--objective val/loss']);
    assert.deepEqual(refused(searchOf([LR], { algorithm: 'sobol' }), '3'), ['--sampler-seed', '--lr']);
    assert.deepEqual(refused(searchOf([LAYERS]), '4294967296'), ['--sampler-seed']);
    const long: Dimension = { name: 'n', kind: 'range', start: 0, end: 1001, step: 1 };
    assert.deepEqual(refused(searchOf([long], { algorithm: 'grid' })), ['--n']);
  });

  it('refuses programs that are more than one step with one cell, and what no trial can honour', () => {
    const plan = (...steps: [string, Step][]) =>
      ({
        environments: { a: { system: true } },
        steps: steps.map(([name, step]) => planStep(name, 'steps', step, {}, {} as Program)),
      }) as unknown as Plan;
    const refused = (of: Plan) =>
      experimentCompiler
        .refusals(of)
        .map(({ message }) => message.split(' is not supported by engine katib')[0]);
    const run = ['true'];
    assert.deepEqual(refused(plan(['a', { run }], ['b', { run, retries: { max: 1 }, mutex: ['m'] }])), [
      'environments.a without an image',
      'pipeline with 2 steps',
      'pipeline.steps.b.mutex',
      'pipeline.steps.b.retries',
    ]);
    assert.deepEqual(refused(plan(['a', { run, matrix: { seed: [1, 2] } }])).slice(1), [
      'pipeline.steps.a.matrix',
    ]);
  });

  it('finds a metric at the top of a report and nowhere else', () => {
    const format = new RegExp(metricFormat('loss'));
    const found = (report: unknown) =>
      format.exec(typeof report === 'string' ? report : JSON.stringify(report))?.[2];
    assert.equal(found({ loss: 0.25 }), '0.25');
    assert.equal(found({ step: 3, loss: -1.5e-7, accuracy: 1 }), '-1.5e-7');
    assert.equal(found({ val: { deep: { loss: 9 } }, list: [{ loss: 8 }], loss: 0.25 }), '0.25');
    assert.equal(found('{ "a": 1,  "loss" : 2 , "b": 3 }'), '2');
    for (const none of [
      { val: { loss: 9 } },
      { loss: '1' },
      { val_loss: 1 },
      { note: ', "loss": 5, ' },
      '',
      '"loss": 1',
    ])
      assert.equal(found(none), undefined, JSON.stringify(none));
  });
});

describe('a trial', () => {
  /** Does what a cluster does with the Job of a trial. */
  function runTrial(
    shell: string[],
    input: Compilation,
    search: Search,
    values: Record<string, string>,
  ): { left: (path: string) => string; code: number | null; stderr: string } {
    const root = mkdtempSync(join(home, 'trial-'));
    const here = (text: string) =>
      text.replaceAll('/same-katib/', `${root}/`).replaceAll('/same/', `${root}/`);
    const { spec, objects } = experimentOf(input, search);
    mkdirSync(join(root, 'spec'));
    for (const { data = {}, binaryData = {} } of objects) {
      for (const [name, text] of Object.entries(data))
        writeFileSync(join(root, 'spec', name), here(String(text)));
      for (const [name, text] of Object.entries(binaryData))
        writeFileSync(join(root, 'spec', name), here(Buffer.from(String(text), 'base64').toString()));
    }
    const [{ env, command }] = spec.trialTemplate.trialSpec.spec.template.spec.containers;
    const told = Object.fromEntries(
      env
        .filter(({ value }: Document) => value?.startsWith('${trialParameters.'))
        .map(({ name, value }: Document) => [name, values[value.slice('${trialParameters.'.length, -1)]]),
    );
    // A file waits for nobody who still holds it.
    const said = openSync(join(root, 'said'), 'w');
    const { status } = spawnSync(shell[0]!, [...shell.slice(1), here(command[1])], {
      env: {
        PATH: process.env.PATH,
        SAME_DIR: root,
        SAME_CELL: 'same-0123456789ab-sweep-x1y2',
        SAME_STEP_FILE: join(root, 'spec/step.sh'),
        ...told,
      },
      stdio: ['ignore', said, said],
    });
    const left = (path: string) => readFileSync(join(root, path), 'utf8');
    return { left, code: status, stderr: left('said') };
  }

  const PROGRAM =
    'printf "%s\\n" "$@"; env | grep -c "SAME_GIVEN\\|SAME_MATRIX"; printf "%s" "$SAME_PARAM_OPTIMIZER" > optimizer; cat "$SAME_PARAMS"; printf "{\\n \\"val\\": {\\"loss\\": 9},\\n \\"loss\\": 0.25\\n}" > metrics.json; echo "{\\"loss\\": 3}" > metrics.jsonl; mv optimizer "$SAME_OUT"';
  const space = [LR, LAYERS, OPTIMIZER];
  const parameters = { lr: 0.1, layers: 2, optimizer: 'adam', other: NASTY };

  for (const shell of [['dash'], ['bash'], ['busybox', 'sh']]) {
    it(`is told its values as the step contract says, and reports the metric on one line, by ${shell.join(' ')}`, () => {
      const step: Step = {
        run: ['sh', '-c', PROGRAM, 'x', '--rate={{parameters.lr}}', '{{flags}}'],
        outputs: { optimizer: {} },
      };
      const input = compilation(step, parameters, ['lr', 'layers', 'optimizer']);
      const { left, code, stderr } = runTrial(shell, input, searchOf(space), {
        lr: '1.5e-05',
        layers: '3.0',
        optimizer: 'value 1',
      });
      assert.equal(code, 0, stderr);
      assert.equal(
        left('keep/.same/stdout'),
        `--rate=1.5e-05\n--layers=3\n--lr=1.5e-05\n--optimizer=${NASTY}\n--other=${NASTY}\n0\n${JSON.stringify({ ...parameters, lr: 1.5e-5, layers: 3, optimizer: NASTY }).replace('0.000015', '1.5e-05')}\n`,
      );
      assert.equal(left('keep/optimizer'), NASTY);
      assert.equal(new RegExp(metricFormat('loss')).exec(left('report'))?.[2], '0.25');
    });

    it(`has its values quoted in a text for a shell, by ${shell.join(' ')}`, () => {
      const step: Step = {
        run: 'printf "%s|" {{parameters.lr}} {{parameters.optimizer}} {{flags}}; echo \'{"loss": 1}\' > metrics.jsonl',
      };
      const input = compilation(step, parameters, ['lr', 'layers', 'optimizer']);
      const values = { lr: '0.5', layers: '4', optimizer: 'value 1' };
      const { left, code, stderr } = runTrial(shell, input, searchOf(space), values);
      assert.equal(code, 0, stderr);
      assert.equal(
        left('keep/.same/stdout'),
        `0.5|${NASTY}|--layers=4|--lr=0.5|--optimizer=${NASTY}|--other=${NASTY}|`,
      );
      assert.equal(new RegExp(metricFormat('loss')).exec(left('report'))?.[2], '1');
    });
  }

  it('does not start with a value that is none', () => {
    const input = compilation({ run: ['true'] }, parameters, ['lr', 'layers', 'optimizer']);
    const values = { lr: '0.5', layers: '4', optimizer: 'adam' };
    for (const wrong of [
      { lr: 'nan' },
      { lr: '' },
      { lr: '1; echo x' },
      { layers: '4.5' },
      { optimizer: 'sgd' },
    ]) {
      const { code, stderr } = runTrial(['dash'], input, searchOf(space), { ...values, ...wrong } as Record<
        string,
        string
      >);
      assert.equal(code, 125, JSON.stringify(wrong));
      assert.match(stderr, /SAME1103/);
    }
  });
});
