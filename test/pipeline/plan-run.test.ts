import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { planRun } from '../../src/pipeline/plan-run.ts';
import type { JsonObject } from '../../src/program/json.ts';
import { resolveParameters } from '../../src/program/parameters.ts';
import { programOf } from './program.ts';

const digest = `sha256:${'a'.repeat(64)}`;

function planOf(manifest: string, values: JsonObject = {}) {
  const program = programOf(manifest);
  const { parameters, findings } = resolveParameters(program, { file: { name: 'values.json', values } });
  assert.deepEqual(findings, []);
  return planRun({ program, digest, target: 'here', engine: 'local', parameters });
}

const oneStep = (fields: string) => `pipeline:\n  steps:\n    main: {run: [sh, x.sh]${fields}}\n`;

describe('a plan', () => {
  it('has every step after all that it reads from', () => {
    const { plan } = planOf(`
pipeline:
  steps:
    z: {run: a, outputs: {o: {}}}
    a: {run: a, inputs: {i: {from: m.o}, j: {from: z.o}}}
    m: {run: a, inputs: {i: {from: z.o}}, outputs: {o: {}}}
`);
    assert.deepEqual(
      plan.steps.map(({ name }) => name),
      ['z', 'm', 'a'],
    );
    assert.deepEqual(
      plan.steps.map(({ after }) => after),
      [[], ['z'], ['m', 'z']],
    );
  });

  it('has every step once, after those it reads from, whatever the graph', () => {
    const graphs = fc
      .array(fc.array(fc.nat(20), { maxLength: 4 }), { minLength: 1, maxLength: 20 })
      .chain((edges) =>
        fc.tuple(
          fc.constant(edges),
          fc.shuffledSubarray(
            edges.map((_, i) => i),
            { minLength: edges.length },
          ),
        ),
      );
    fc.assert(
      fc.property(graphs, ([edges, order]) => {
        const steps = order.map((i) => {
          const inputs = edges[i]!.filter((from) => from < i).map((from, n) => `n${n}: {from: s${from}.o}`);
          return `    s${i}: {run: x, outputs: {o: {}}, inputs: {${inputs.join(', ')}}}`;
        });
        const { plan } = planOf(`pipeline:\n  steps:\n${steps.join('\n')}\n`);
        const place = new Map(plan.steps.map(({ name }, at) => [name, at]));
        assert.equal(place.size, edges.length);
        for (const step of plan.steps)
          for (const before of step.after) assert.ok(place.get(before)! < place.get(step.name)!);
      }),
      { numRuns: 100 },
    );
  });

  it('does not depend on the order in which the manifest names its steps', () => {
    const a = '    a: {run: x, outputs: {o: {}}}\n';
    const b = '    b: {run: x, inputs: {i: {from: a.o}}}\n';
    const c = '    c: {run: x}\n';
    const head = 'pipeline:\n  steps:\n';
    assert.deepEqual(planOf(head + a + b + c), planOf(head + c + b + a));
  });

  it('is plain JSON with the given names, digest, target, engine and profile', () => {
    const program = programOf(oneStep(''));
    const { plan, findings } = planRun({
      program,
      digest,
      target: 'here',
      engine: 'local',
      profile: 'smoke',
      parameters: {},
    });
    assert.deepEqual(findings, []);
    assert.deepEqual(JSON.parse(JSON.stringify(plan)), plan);
    assert.deepEqual(plan.program, { name: 'study', version: '1.0', digest });
    assert.deepEqual([plan.target, plan.engine, plan.profile], ['here', 'local', 'smoke']);
    assert.equal('profile' in planOf(oneStep('')).plan, false);
  });

  it('fills in every default of a step', () => {
    const [step] = planOf(`${oneStep(', inputs: {d: {data: d}}, outputs: {o: {}}')}data: {d: {uri: d.csv}}\n`)
      .plan.steps;
    assert.deepEqual(step, {
      name: 'main',
      group: 'steps',
      cells: [{ name: 'main', matrix: {} }],
      mutex: [],
      cache: true,
      selected: 'run',
      template: ['sh', 'x.sh'],
      command: { exec: [['sh'], ['x.sh']] },
      after: [],
      environment: 'default',
      workdir: '.',
      inputs: { d: { from: { data: 'd' }, mode: 'link' } },
      outputs: { o: { kind: 'file' } },
      parameters: {},
      secrets: [],
      services: [],
      retries: { max: 0, backoffMs: 1000 },
      resources: {},
    });
  });

  it('takes over every field of a step', () => {
    const [, step] = planOf(`
resources: {cpu: 1, memory: 2Gi}
secrets: {TOKEN: {}}
environments: {other: {system: true, variables: {A: b}}}
pipeline:
  steps:
    first: {run: x, outputs: {o: {}}}
    main:
      run: x
      environment: other
      workdir: sub
      inputs: {i: {from: first.o, at: data/i, mode: copy}}
      outputs: {o: {path: out/o, kind: model}}
      code: ["*.sh"]
      secrets: [TOKEN]
      mutex: [disk, board, disk]
      retries: {max: 2, backoff: 250ms, codes: [7]}
      timeout: 1.5m
      resources: {cpu: 4}
`).plan.steps;
    assert.deepEqual(step, {
      name: 'main',
      group: 'steps',
      cells: [{ name: 'main', matrix: {} }],
      mutex: ['board', 'disk'],
      cache: false,
      selected: 'run',
      template: 'x',
      command: { shell: ['x'] },
      after: ['first'],
      environment: 'other',
      workdir: 'sub',
      inputs: { i: { from: { step: 'first', output: 'o' }, at: 'data/i', mode: 'copy' } },
      outputs: { o: { path: 'out/o', kind: 'model' } },
      parameters: {},
      code: ['*.sh'],
      secrets: ['TOKEN'],
      services: [],
      timeoutMs: 90_000,
      retries: { max: 2, backoffMs: 250, codes: [7] },
      resources: { cpu: 4, memory: '2Gi' },
    });
  });

  it('holds only the environments that steps use, the undeclared default as the system', () => {
    const { plan } = planOf(`environments: {unused: {system: true}}\n${oneStep('')}`);
    assert.deepEqual(plan.environments, { default: { system: true } });
  });
});

describe('the parameters of a step', () => {
  const manifest = (visible: string) => `
parameters: {a: {type: integer, default: 1}, b: {type: string, default: x}}
pipeline:
  steps:
    main: {run: [sh, "{{flags}}"]${visible}}
`;

  it('are all of the program when it names none', () => {
    const { plan } = planOf(manifest(''), { a: 7 });
    assert.deepEqual(plan.steps[0]!.parameters, { a: 7, b: 'x' });
    assert.deepEqual(plan.steps[0]!.command, { exec: [['sh'], ['--a=7'], ['--b=x']] });
  });

  it('are only those it names', () => {
    assert.deepEqual(planOf(manifest(', parameters: [b]')).plan.steps[0]!.parameters, { b: 'x' });
    const none = planOf(manifest(', parameters: []')).plan.steps[0]!;
    assert.deepEqual(none.parameters, {});
    assert.deepEqual(none.command, { exec: [['sh']] });
  });

  it('give flags in the order of names however they are listed', () => {
    const step = planOf(manifest(', parameters: [b, a]')).plan.steps[0]!;
    assert.deepEqual(step.command, { exec: [['sh'], ['--a=1'], ['--b=x']] });
  });

  it('are refused with SAME1103 when a text has a NUL byte, for no program can be given one', () => {
    const { findings } = planOf(manifest(''), { b: 'x\0y' });
    assert.deepEqual(
      findings.map(({ code }) => code),
      ['SAME1103'],
    );
    assert.match(findings[0]!.message, /"b"/);
  });
});

describe('a field that this version does not implement', () => {
  const refused: [field: string, manifest: string][] = [
    ['data.d.uri', `data: {d: {uri: "https://example.org/x.csv"}}\n${oneStep('')}`],
    ['data.d.uri', `data: {d: {uri: "s3://bucket/x.csv"}}\n${oneStep('')}`],
    ['data.d.mirrors', `data: {d: {uri: x.csv, mirrors: [y.csv]}}\n${oneStep('')}`],
    ['data.d.unpack', `data: {d: {uri: x.tar, unpack: tar}}\n${oneStep('')}`],
    ['data.d.mutable', `data: {d: {uri: x.csv, mutable: true}}\n${oneStep('')}`],
  ];
  for (const [field, manifest] of refused) {
    it(`is refused with SAME1016 by name, with the engine: ${manifest
      .split('\n')
      .find((line) => line.includes(field.split('.').at(-1)!))
      ?.trim()}`, () => {
      const { findings } = planOf(manifest);
      assert.deepEqual(
        findings.map(({ code }) => code),
        ['SAME1016'],
      );
      assert.ok(findings[0]!.message.includes(field), findings[0]!.message);
      assert.match(findings[0]!.message, /engine local/);
    });
  }

  it('is refused together with all the others', () => {
    const { findings } = planOf(
      `data: {d: {uri: "https://example.org/x"}, e: {uri: x.csv, mutable: true, mirrors: [y]}}\n${oneStep('')}`,
    );
    assert.equal(findings.length, 3);
  });
});
