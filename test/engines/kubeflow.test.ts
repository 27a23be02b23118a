import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { pipelineCompiler } from '../../src/engines/kubeflow/compiler.ts';
import { startText } from '../../src/engines/kubeflow/start.ts';
import type { CompiledStep } from '../../src/engines/kubernetes/compilation.ts';
import { manifestText } from '../../src/engines/kubernetes/manifest-text.ts';
import type { ScriptInput } from '../../src/engines/step-script.ts';
import type { Plan } from '../../src/pipeline/plan.ts';
import { planStep } from '../../src/pipeline/plan-step.ts';
import type { Program, Step } from '../../src/program/schema.ts';
import { compilation, IMAGE, RUN } from './compilations.ts';

const home = mkdtempSync(join(tmpdir(), 'same-kubeflow-'));
after(() => rmSync(home, { recursive: true, force: true }));

type Reads = Record<string, (cell: number) => ScriptInput>;

function compiled(
  name: string,
  step: Step,
  {
    reads = {},
    group = 'steps',
    ...more
  }: Partial<CompiledStep> & { reads?: Reads; group?: 'steps' | 'finally' } = {},
): CompiledStep {
  const planned = planStep(name, group, step, {}, {} as Program);
  const cells = planned.cells.map((cell, number) => ({
    name: cell.name,
    matrix: cell.matrix,
    inputs: Object.fromEntries(Object.entries(reads).map(([input, of]) => [input, of(number)])),
  }));
  const sources = cells.flatMap(({ inputs }) => Object.values(inputs).flatMap((input) => input.sources));
  const from = sources.flatMap(({ source }) => ('step' in source ? [source.step] : []));
  return {
    step: planned,
    cells,
    image: IMAGE,
    variables: {},
    archives: [],
    after: [...new Set(from)].sort(),
    ...more,
  };
}

/** An input of slots of one output. */
function from(step: string, output: string, ...slots: number[]): ScriptInput {
  return {
    isMounted: true,
    sources: slots.map((slot) => ({
      ...(slots.length === 1 ? {} : { entry: String(slot) }),
      source: { step, slot, output },
    })),
  };
}

const seeds = (count: number): Step['matrix'] => ({ seed: Array.from({ length: count }, (_, seed) => seed) });

// biome-ignore lint/suspicious/noExplicitAny: tests look into documents of every shape
function compile(...steps: CompiledStep[]): { spec: any; pods: any; findings: string[]; text: string } {
  const { objects, findings } = pipelineCompiler.compile(compilation(steps), []);
  const [spec, platform] = objects as [unknown, { platforms: { kubernetes: { deploymentSpec: unknown } } }];
  return {
    spec,
    pods: platform?.platforms.kubernetes.deploymentSpec,
    findings: findings.map(({ code, message }) => `${code} ${message}`),
    text: manifestText(objects, []),
  };
}

describe('a plan as a pipeline of Kubeflow', () => {
  it('has one executor for each step, whose cells that nobody reads from are the rounds of a loop', () => {
    const features = from('prepare', 'features', 0);
    const { spec, findings } = compile(
      compiled('prepare', { run: ['true'], outputs: { features: {} } }),
      compiled(
        'train',
        { run: ['true'], matrix: seeds(3), parallel: 2 },
        { reads: { features: () => features } },
      ),
    );
    assert.deepEqual(findings, []);
    assert.deepEqual(Object.keys(spec.deploymentSpec.executors), ['exec-prepare', 'exec-train']);
    const { prepare, train } = spec.root.dag.tasks;
    assert.deepEqual(prepare.cachingOptions, { enableCache: false });
    assert.deepEqual(train.parameterIterator, { itemInput: '_slot', items: { raw: '[0,1,2]' } });
    assert.deepEqual(train.iteratorPolicy, { parallelismLimit: 2 });
    assert.deepEqual(train.dependentTasks, ['prepare']);
    const round = spec.components[train.componentRef.name].dag.tasks.train;
    assert.deepEqual(round.inputs, {
      parameters: { _slot: { componentInputParameter: '_slot' } },
      artifacts: { 'features-0': { componentInputArtifact: 'features-0' } },
    });
    assert.equal(spec.components[round.componentRef.name].executorLabel, 'exec-train');
  });

  it('has a task for each cell that another step reads from, so many at a time as the step says', () => {
    const { spec } = compile(
      compiled('train', { run: ['true'], outputs: { model: {} }, matrix: seeds(4), parallel: 2 }),
      compiled(
        'score',
        { run: ['true'], outputs: { score: {} }, matrix: seeds(4) },
        { reads: { model: (cell) => from('train', 'model', cell) } },
      ),
      compiled('choose', { run: ['true'] }, { reads: { scores: () => from('score', 'score', 0, 1, 2, 3) } }),
    );
    const { tasks } = spec.root.dag;
    const named = (prefix: string) => Object.keys(tasks).filter((name) => name.startsWith(prefix));
    const trained = named('train-');
    assert.equal(trained.length, 4);
    assert.deepEqual(
      trained.map((name) => tasks[name].dependentTasks),
      [undefined, undefined, [trained[0]], [trained[1]]],
    );
    assert.deepEqual(
      named('score-').map((name) => tasks[name].inputs.artifacts['model-0'].taskOutputArtifact),
      trained.map((producerTask) => ({ producerTask, outputArtifactKey: 'model' })),
    );
    assert.deepEqual(tasks.choose.dependentTasks, named('score-').sort());
    assert.equal(Object.keys(tasks.choose.inputs.artifacts).length, 4);
    const { args } = spec.deploymentSpec.executors['exec-choose'].container;
    assert.deepEqual(args.slice(3, 5), ['4', "{{$.inputs.artifacts['scores-0'].path}}"]);
    assert.deepEqual(Object.keys(spec.deploymentSpec.executors), ['exec-train', 'exec-score', 'exec-choose']);
  });

  it('runs the steps of finally when all others have ended, whatever became of them', () => {
    const steps = [
      compiled('train', { run: ['true'] }),
      compiled('say', { run: ['true'] }, { group: 'finally' }),
      compiled('tidy', { run: ['true'] }, { group: 'finally' }),
    ];
    const { tasks } = compile(...steps).spec.root.dag;
    assert.deepEqual(Object.keys(tasks), ['steps', 'finally']);
    assert.deepEqual(tasks.finally.dependentTasks, ['steps']);
    assert.deepEqual(tasks.finally.triggerPolicy, { strategy: 'ALL_UPSTREAM_TASKS_COMPLETED' });
    assert.deepEqual(Object.keys(compile(...steps.slice(1)).spec.root.dag.tasks), ['say', 'tidy']);
  });

  it('hands retries, resources, nodes, disks and secrets over, and no value of a secret', () => {
    const step: Step = {
      run: ['true'],
      retries: { max: 2 },
      resources: { cpu: 0.5, memory: '1.5Gi', disk: { size: '2Gi' }, gpu: { count: 2, vendor: 'amd' } },
      secrets: ['TOKEN'],
      network: true,
    };
    const { spec, pods, text } = compile(compiled('train', step, { variables: { TOKEN: 'declared' } }));
    // Without times of its own Kubeflow tries nothing again.
    assert.deepEqual(spec.root.dag.tasks.train.retryPolicy, {
      ...{ maxRetryCount: 2, backoffDuration: '10s', backoffFactor: 2 },
      backoffMaxDuration: '31536000s',
    });
    const { resources } = spec.deploymentSpec.executors['exec-train'].container;
    assert.equal(resources.resourceCpuLimit, '0.5');
    assert.equal(resources.resourceMemoryLimit, '1610612736');
    assert.equal(resources.memoryLimit, 1.610612736);
    assert.deepEqual(resources.accelerator, {
      type: 'amd.com/gpu',
      count: '2',
      resourceType: 'amd.com/gpu',
      resourceCount: '2',
    });
    const pod = pods.executors['exec-train'];
    assert.deepEqual(pod.podMetadata.labels, {
      'app.kubernetes.io/managed-by': 'same',
      'same.dev/run': RUN,
      'same.dev/step': 'train',
      'same.dev/network': 'open',
    });
    assert.deepEqual(pod.nodeSelector.labels, { 'kubernetes.io/os': 'linux', 'kubernetes.io/arch': 'amd64' });
    assert.equal(pod.emptyDirMounts[0].sizeLimit, '2147483648');
    assert.deepEqual(pod.secretAsEnv, [
      {
        secretName: 'same-secrets',
        keyToEnv: [{ secretKey: 'TOKEN', envVar: 'SAME_SECRET_TOKEN' }],
        optional: false,
      },
    ]);
    assert.ok(!text.includes('declared'));
  });

  it('lets no template interpret what is the program’s, and names tasks as Kubeflow can', () => {
    const nasty = [
      '{{x}}',
      "{{$.inputs.parameters['_slot']}}",
      '$(VAR)',
      '$$',
      "it's",
      'é\u2028\u0085',
      '\ttab\r',
    ];
    const { spec, text } = compile(
      compiled(
        'Train_it',
        { run: ['echo', ...nasty.slice(2)] },
        { variables: { X: nasty[0]!, Y: nasty[1]! } },
      ),
    );
    const [task] = Object.keys(spec.root.dag.tasks);
    assert.match(task!, /^train-it-[0-9a-f]{8}$/);
    assert.match(spec.pipelineInfo.name, /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/);
    const { args, env, command } = spec.deploymentSpec.executors[`exec-${task}`].container;
    assert.equal(args[0], 'Train_it');
    // All that Kubeflow and Kubernetes fill in is what the compiler itself wrote.
    assert.deepEqual(text.match(/\{\{.*?\}\}/g), args.join('\n').match(/\{\{.*?\}\}/g));
    assert.doesNotMatch(command.join('\n'), /\{\{|\$\$|\$\([A-Za-z0-9_.-]+\)/);
    const script = Buffer.from(env[1].value, 'base64').toString();
    for (const word of nasty) assert.ok(script.includes(word.replaceAll("'", "'\\''")), word);
  });

  it('of a thousand cells is made in 0.3 seconds of this processor, within what a cluster takes', () => {
    const step: Step = { run: ['python', 'train.py', '--seed', '{{matrix.seed}}'], matrix: seeds(1000) };
    const input = compilation([compiled('train', step)]);
    const began = process.cpuUsage();
    const { objects, findings } = pipelineCompiler.compile(input, []);
    const text = manifestText(objects, []);
    const { user, system } = process.cpuUsage(began);
    assert.deepEqual(findings, []);
    assert.ok(user + system <= 300_000, `${(user + system) / 1000} ms`);
    assert.ok(text.length < 900_000);
  });

  it('refuses what a variable, a task or a cluster cannot hold, by its field', () => {
    const code = { name: 'code-1.tgz', bytes: new Uint8Array(90_100), field: 'pipeline.steps.train.code' };
    assert.match(
      compile(compiled('train', { run: ['true'] }, { code })).findings.join('\n'),
      /^SAME1016 pipeline\.steps\.train\.code is not supported by engine kubeflow: .* a variable of a container holds$/,
    );
    const all = Array.from({ length: 201 }, (_, slot) => slot);
    const train = compiled('train', { run: ['true'], outputs: { model: {} }, matrix: seeds(201) });
    const choose = compiled(
      'choose',
      { run: ['true'] },
      { reads: { models: () => from('train', 'model', ...all) } },
    );
    assert.match(
      compile(train, choose).findings.join('\n'),
      /^SAME1016 pipeline\.steps\.choose\.inputs is not supported by engine kubeflow: a cell reads 201 artifacts/,
    );
    const many = compiled('train', { run: ['true'], outputs: { model: {} }, matrix: seeds(1000) });
    const each = compiled(
      'score',
      { run: ['true'], matrix: seeds(1000) },
      { reads: { model: (cell) => from('train', 'model', cell) } },
    );
    assert.match(
      compile(many, each).findings.join('\n'),
      /^SAME1016 pipeline is not supported by engine kubeflow: 2000 tasks are about .* an object of it holds/,
    );
  });

  it('refuses what Kubeflow cannot honour, by field and engine', () => {
    const step: Step = {
      run: ['true'],
      mutex: ['m'],
      timeout: '30m',
      retries: { max: 1, backoff: '5s', codes: [1] },
      resources: { disk: { size: '1Gi', class: 'fast' }, gpu: { count: 1, memory: '8Gi' } },
    };
    const last = planStep(
      'say',
      'finally',
      { run: ['true'], inputs: { model: { from: 'train.model' } } },
      {},
      { pipeline: { steps: { train: { run: ['true'], outputs: { model: {} } } } } } as unknown as Program,
    );
    const plan = {
      environments: { a: { system: true }, b: { dockerfile: 'Dockerfile' } },
      steps: [planStep('train', 'steps', step, {}, {} as Program), last],
    };
    const findings = pipelineCompiler.refusals(plan as unknown as Plan, 'finish');
    assert.ok(findings.every(({ code, hint }) => code === 'SAME1016' && hint));
    assert.deepEqual(
      findings.map(({ message }) => message.split(' is not supported by engine kubeflow')[0]),
      [
        'environments.a without an image',
        'environments.b.dockerfile',
        'pipeline.steps.train.mutex',
        'pipeline.steps.train.resources.disk.class',
        'pipeline.steps.train.resources.gpu.memory',
        'pipeline.steps.train.retries.codes',
        'pipeline.steps.train.retries.backoff',
        'pipeline.steps.train.retries beside timeout',
        'pipeline.finally.say.inputs.model',
      ],
    );
  });
});

describe('the first command of a task', () => {
  const TOLD = {
    KFP_POD_NAME: 'pod',
    METADATA_GRPC_SERVICE_HOST: '10.0.0.1',
    DB_SERVICE_PORT_HTTP: '80',
    DB_PORT: 'tcp://10.0.0.1:80',
    DB_PORT_80_TCP_ADDR: '10.0.0.1',
  };
  const OWN = {
    LANG: 'C',
    MY_PORT: '8080',
    SAME_SECRET_TOKEN_SERVICE_HOST: 'secret',
    LINES: 'a\nexport KFP_X=1\n=b',
  };

  for (const shell of [['dash'], ['bash'], ['bash', '--posix'], ['busybox', 'sh']]) {
    it(`keeps what a cluster tells of its services from the step, by ${shell.join(' ')}`, () => {
      const root = mkdtempSync(join(home, 'root-'));
      const shim =
        'export -p >"$SAME_KEEP/env"; mkdir "$SAME_KEEP/.same"; echo {} >"$SAME_KEEP/.same/exit.json"\n';
      const text = startText([{ name: 'shim.sh', content: Buffer.from(shim).toString('base64') }]);
      const place = join(root, 'a place');
      const ended = spawnSync(
        shell[0]!,
        [
          ...shell.slice(1),
          ...['-c', text.replace('B=/same', `B=${root}`), 'same'],
          ...['train', '0', `{"outputs": {"outputFile": "${place}/told.json"}}`, '0'],
          ...['env', 'env', `${place}/out`, 'minio://bucket/out'],
        ],
        {
          env: { PATH: process.env.PATH, ...TOLD, ...OWN, SAME_FILE_0: Buffer.from(shim).toString('base64') },
          encoding: 'utf8',
          stdio: ['ignore', 'pipe', 'pipe'],
        },
      );
      assert.equal(ended.status, 0, ended.stderr);
      const seen = readFileSync(join(root, 'kept/train/0/env'), 'utf8');
      for (const name of [...Object.keys(TOLD), 'SAME_FILE_0'])
        assert.doesNotMatch(seen, new RegExp(`\\b${name}=`), name);
      for (const name of Object.keys(OWN)) assert.match(seen, new RegExp(`\\b${name}=`), name);
      assert.deepEqual(JSON.parse(readFileSync(`${place}/told.json`, 'utf8')), {
        artifacts: { env: { artifacts: [{ name: 'env', uri: 'minio://bucket/out' }] } },
      });
    });
  }
});
