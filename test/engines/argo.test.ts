import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { workflowRefusals } from '../../src/engines/argo/refusals.ts';
import { compileWorkflow } from '../../src/engines/argo/workflow.ts';
import type { Compilation } from '../../src/engines/kubernetes/compilation.ts';
import { manifestText } from '../../src/engines/kubernetes/manifest-text.ts';
import { compilation, compiled, IMAGE, matrixOf, planOf, RUN } from './compilations.ts';

interface Template {
  name: string;
  dag?: { failFast: boolean; tasks: Record<string, unknown>[] };
  parallelism?: number;
  retryStrategy?: { limit: number; expression: string };
  activeDeadlineSeconds?: number;
  synchronization?: unknown;
  container?: { env: { name: string; value: string }[] };
}

interface Workflow {
  kind: string;
  metadata: { name: string; labels: unknown };
  spec: { entrypoint: string; onExit?: string; templates: Template[] };
}

function workflow(of: Compilation): Workflow {
  const { objects, findings } = compileWorkflow(of);
  assert.deepEqual(findings, []);
  return objects.at(-1) as unknown as Workflow;
}

const template = ({ spec }: Workflow, name: string) => spec.templates.find((each) => each.name === name)!;

const reading = (step: string, ...slots: number[]) => ({
  sources: slots.map((slot) => ({ entry: String(slot), source: { step, slot, output: 'o' } })),
});

describe('a plan as a Workflow', () => {
  it('has one template for each step, whose cells are told their numbers', () => {
    const train = compiled('Train', { ...matrixOf(3), parallel: 2 }, { after: ['prep'] });
    for (const cell of train.cells) cell.inputs = { x: reading('prep', 0) };
    const made = workflow(compilation([compiled('prep', { run: ['true'] }), train]));
    assert.equal(made.metadata.name, `same-${RUN}`);
    const [steps, cells, prep, step] = made.spec.templates;
    assert.equal(made.spec.entrypoint, steps!.name);
    assert.equal(made.spec.onExit, undefined);
    assert.deepEqual(steps!.dag, {
      failFast: false,
      tasks: [
        { name: 'prep', template: 'prep' },
        { name: step!.name, template: cells!.name, depends: 'prep.Succeeded' },
      ],
    });
    assert.equal(cells!.parallelism, 2);
    assert.deepEqual(cells!.dag!.tasks, [
      {
        name: step!.name,
        template: step!.name,
        arguments: { parameters: [{ name: 'cell', value: '{{item}}' }] },
        withSequence: { count: 3 },
      },
    ]);
    const cell = ({ container }: Template) => container!.env.find(({ name }) => name === 'SAME_CELL')!.value;
    assert.deepEqual([cell(prep!), cell(step!)], ['0', '{{inputs.parameters.cell}}']);
  });

  it('runs the steps of finally at its exit, or as its graph where nothing else is to run', () => {
    const report = compiled('report', { run: ['true'] }, { after: ['prep'] }, 'finally');
    const notify = compiled('notify', { run: ['true'] }, { after: ['report'] }, 'finally');
    notify.cells[0]!.inputs = { x: reading('report', 0) };
    const both = workflow(compilation([compiled('prep', { run: ['true'] }), report, notify]));
    assert.deepEqual(template(both, both.spec.onExit!).dag!.tasks, [
      { name: 'report', template: 'report' },
      { name: 'notify', template: 'notify', depends: 'report.Succeeded' },
    ]);
    const alone = workflow(compilation([report, notify]));
    assert.equal(alone.spec.entrypoint, both.spec.onExit);
    assert.equal(alone.spec.onExit, undefined);
  });

  it('lets cells go on whose own sources succeeded, where each reads from some of them', () => {
    const train = compiled('train', matrixOf(2));
    const score = compiled('score', matrixOf(2), { after: ['train'] });
    score.cells.forEach((cell, slot) => {
      cell.inputs = { x: reading('train', slot) };
    });
    const all = compiled('all', { run: ['true'] }, { after: ['train'] });
    all.cells[0]!.inputs = { x: reading('train', 0, 1) };
    const made = workflow(compilation([train, score, all]));
    const depends = (name: string) =>
      template(made, made.spec.entrypoint).dag!.tasks.find((task) => task.name === name)!.depends;
    assert.equal(depends('score'), '(train.Succeeded || train.Failed || train.Errored)');
    assert.equal(depends('all'), 'train.Succeeded');
  });

  it('tells failures of a step from what the cluster took away, and ends late what its shim has not', () => {
    const made = workflow(
      compilation([
        compiled('train', { run: ['true'], timeout: '30m', retries: { max: 3, codes: [143, 137] } }),
        compiled('score', { run: ['true'] }),
      ]),
    );
    const lost =
      "lastRetry.status == 'Error' || asInt(lastRetry.exitCode) == -1 && not (lastRetry.message contains 'deadline')";
    const { retryStrategy, activeDeadlineSeconds, container } = template(made, 'train');
    assert.equal(retryStrategy!.limit, 5);
    assert.equal(
      retryStrategy!.expression,
      `${lost} || lastRetry.status == 'Failed' && asInt(retries) < 3 && asInt(lastRetry.exitCode) in [137, 143]`,
    );
    assert.equal(activeDeadlineSeconds, 1800 + 3600);
    assert.deepEqual(
      container!.env.filter(({ name }) => name === 'SAME_RETRIES'),
      [{ name: 'SAME_RETRIES', value: '{{retries}}' }],
    );
    assert.equal(template(made, 'score').retryStrategy!.expression, lost);
  });

  it('keeps apart by a lock of the run what a mutex does', () => {
    const made = workflow(compilation([compiled('train', { run: ['true'], mutex: ['gpu', 'Disk'] })]));
    const { mutexes } = template(made, 'train').synchronization as { mutexes: { name: string }[] };
    assert.equal(new Set(mutexes.map(({ name }) => name)).size, 2);
    for (const { name } of mutexes) assert.match(name, new RegExp(`^same-${RUN}-mutex-`));
  });

  it('lets Argo fill in nothing but numbers, whatever the program says', () => {
    const nasty = ['{{workflow.name}}', '{{=1+1}}', '$(VAR)', "it's", 'é\u2028', '\ttab\r', '{{matrix.x}}'];
    const step = compiled(
      'train',
      {
        run: ['echo', ...nasty.slice(2, 6)],
        matrix: { x: [nasty[0]!, nasty[1]!] },
        secrets: ['HF_TOKEN'],
        retries: { max: 1 },
      },
      { variables: { HF_TOKEN: 'declared', X: nasty[0]! } },
    );
    const made = workflow(compilation([step]));
    const filled = JSON.stringify(made).match(/\{\{[^}]*\}\}|\$\([^)]*\)/g)!;
    assert.deepEqual([...new Set(filled)].sort(), ['{{inputs.parameters.cell}}', '{{item}}', '{{retries}}']);
    assert.ok(!manifestText(compileWorkflow(compilation([step])).objects, []).includes('declared'));
  });

  it('has names that Argo takes, for labels too, other ones for other steps', () => {
    const names = ['train', 'Train', 'tr_ain', 'tr-ain', 'x'.repeat(64), `${'x'.repeat(63)}y`];
    const made = workflow(compilation(names.map((name) => compiled(name, { ...matrixOf(2), parallel: 1 }))));
    const labels = made.spec.templates.map(({ name }) => name);
    assert.equal(new Set(labels).size, 1 + 2 * names.length);
    for (const label of labels) assert.match(label, /^[a-z][a-z0-9-]{0,61}[a-z0-9]$/);
  });

  it('is the same for the same plan, of a thousand cells in 0.3 seconds of this processor, within what an object holds', () => {
    const input = compilation([compiled('train', matrixOf(1000))]);
    const began = process.cpuUsage();
    const { objects, findings } = compileWorkflow(input);
    const text = manifestText(objects, []);
    const { user, system } = process.cpuUsage(began);
    assert.deepEqual(findings, []);
    assert.ok(user + system <= 300_000, `${(user + system) / 1000} ms`);
    assert.ok(JSON.stringify(objects.at(-1)).length < 100_000);
    assert.equal(manifestText(compileWorkflow(input).objects, []), text);
  });

  it('refuses what is too large with what its controller writes into it', () => {
    const { findings } = compileWorkflow(compilation([compiled('train', matrixOf(3000))]));
    assert.deepEqual(
      findings.map(({ code }) => code),
      ['SAME1016'],
    );
    assert.match(
      findings[0]!.message,
      /^pipeline\.steps\.train with 3000 cells is not supported by engine argo: a Workflow holds .*, and this one would grow to about /,
    );
    assert.match(findings[0]!.hint!, /--engine kubernetes/);
  });

  it('is nothing where nothing is to run', () => {
    assert.deepEqual(compileWorkflow(compilation([])).objects, []);
  });

  it('refuses every field that it cannot honour, all at once', () => {
    const { step } = compiled('train', {
      run: ['true'],
      mutex: ['m'],
      retries: { max: 1, backoff: '5s', codes: [124] },
      resources: { disk: { size: '1Gi', class: 'fast' }, gpu: { count: 1, memory: '8Gi' } },
    });
    const findings = workflowRefusals(
      planOf([step], { a: { system: true }, b: { dockerfile: 'Dockerfile' }, c: { image: IMAGE } }),
    );
    assert.deepEqual(
      findings.map(({ message }) => message.split(' is not supported by engine argo')[0]),
      [
        'environments.a without an image',
        'environments.b.dockerfile',
        'pipeline.steps.train.resources.disk.class',
        'pipeline.steps.train.resources.gpu.memory',
        'pipeline.steps.train.retries.codes (124)',
        'pipeline.steps.train.retries.backoff',
      ],
    );
  });
});
