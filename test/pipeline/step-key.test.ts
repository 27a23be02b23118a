import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { canonicalJson } from '../../src/bundle/canonical-json.ts';
import { planRun } from '../../src/pipeline/plan-run.ts';
import { type StepKeyInput, stepKey } from '../../src/pipeline/step-key.ts';
import { resolveParameters } from '../../src/program/parameters.ts';
import { programOf } from './program.ts';

interface Study {
  run: string;
  fields: string;
  input: string;
  output: string;
  value: string;
  rest: string;
  engine: string;
  target: string;
}

const study: Study = {
  run: '[sh, x.sh, "{{parameters.p}}"]',
  fields: '',
  input: 'data: d',
  output: '',
  value: '1',
  rest: '',
  engine: 'local',
  target: 'local',
};

function inputOf(change: Partial<Study> = {}): StepKeyInput {
  const s = { ...study, ...change };
  const program = programOf(`
parameters: {p: {type: string, default: "${s.value}"}, q: {type: string, default: "same"}}
data: {d: {uri: d.csv}}
secrets: {TOKEN: {}}
${s.rest}
pipeline:
  steps:
    main: {run: ${s.run}, inputs: {i: {${s.input}}}, outputs: {o: {${s.output}}}${s.fields}}
`);
  const { parameters } = resolveParameters(program, {});
  const { plan } = planRun({
    program,
    digest: `sha256:${'0'.repeat(64)}`,
    target: s.target,
    engine: s.engine,
    parameters,
  });
  return {
    step: plan.steps[0]!,
    matrix: {},
    inputs: { i: { digest: `sha256:${'1'.repeat(64)}` } },
    code: `tree:sha256:${'2'.repeat(64)}`,
    environment: `freeze:sha256:${'3'.repeat(64)}`,
    variables: { A: '1' },
    platform: 'linux-x86_64',
  };
}

/** The key alone. */
function keyOf(input: StepKeyInput): string {
  return stepKey(input).key;
}

const base = keyOf(inputOf());

describe('the key of a step', () => {
  it('is the digest of a document in canonical form, whatever it holds', () => {
    const plain = inputOf();
    const i = { from: { data: 'd' }, mode: 'link' as const };
    const step = {
      ...plain.step,
      template: 'echo "é" {{matrix.b}}',
      network: true,
      inputs: { z: i, a: { ...i, at: 'in "a"' }, 'b-1': i },
    };
    const digest = `sha256:${'1'.repeat(64)}`;
    const inputs = { z: { digest, executable: true }, a: { digest }, 'b-1': { digest, executable: false } };
    const { document } = stepKey({ ...plain, step, inputs, matrix: { b: [1], a: 'x' } });
    const value = JSON.parse(document);
    assert.equal(canonicalJson(value), document);
    assert.deepEqual(value, {
      code: plain.code,
      command: step.template,
      contract: 'same-step/v1',
      environment: plain.environment,
      inputs: {
        a: { at: 'in "a"', digest, mode: 'link' },
        'b-1': { at: null, digest, mode: 'link' },
        z: { at: null, digest, executable: true, mode: 'link' },
      },
      matrix: { a: 'x', b: [1] },
      network: true,
      outputs: step.outputs,
      parameters: step.parameters,
      platform: 'linux-x86_64',
      variables: { A: '1' },
      workdir: '.',
    });
  });

  it('is a digest, and the same for the same step', () => {
    assert.match(base, /^sha256:[0-9a-f]{64}$/);
    assert.equal(keyOf(inputOf()), base);
  });

  const declared: [what: string, change: Partial<Study>][] = [
    ['command', { run: '[sh, y.sh, "{{parameters.p}}"]' }],
    ['command from a list to a string', { run: '"sh x.sh {{parameters.p}}"' }],
    ['workdir', { fields: ', workdir: sub' }],
    ['value of a parameter', { value: '2' }],
    ['parameters that it sees', { fields: ', parameters: [p]' }],
    ['place of an input', { input: 'data: d, at: in.csv' }],
    ['mode of an input', { input: 'data: d, mode: copy' }],
    ['path of an output', { output: 'path: o.csv' }],
    ['network that it needs', { fields: ', network: true' }],
    ['kind of an output', { output: 'kind: model' }],
  ];
  for (const [what, change] of declared) {
    it(`changes with the ${what}`, () => assert.notEqual(keyOf(inputOf(change)), base));
  }

  const given: [what: string, change: Partial<StepKeyInput>][] = [
    ['content of an input', { inputs: { i: { digest: `sha256:${'9'.repeat(64)}` } } }],
    [
      'executable bit of an input',
      { inputs: { i: { digest: `sha256:${'1'.repeat(64)}`, executable: true } } },
    ],
    ['input from a file to a directory', { inputs: { i: { digest: `tree:sha256:${'1'.repeat(64)}` } } }],
    ['code', { code: `tree:sha256:${'9'.repeat(64)}` }],
    ['environment', { environment: `freeze:sha256:${'9'.repeat(64)}` }],
    ['lock of its environment', { environment: `lock:sha256:${'3'.repeat(64)}` }],
    ['value of a variable', { variables: { A: '2' } }],
    ['name of a variable', { variables: { B: '1' } }],
    ['platform', { platform: 'linux-aarch64' }],
    ['values of its cell', { matrix: { seed: 1 } }],
  ];
  for (const [what, change] of given) {
    it(`changes with the ${what}`, () => assert.notEqual(keyOf({ ...inputOf(), ...change }), base));
  }

  const excluded: [what: string, change: Partial<Study>][] = [
    ['engine', { engine: 'podman' }],
    ['target', { target: 'cluster' }],
    ['resources', { fields: ', resources: {cpu: 8, memory: 4Gi}' }],
    ['resources of the program', { rest: 'resources: {cpu: 2}' }],
    ['retries', { fields: ', retries: {max: 5, backoff: 1m, codes: [3]}' }],
    ['timeout', { fields: ', timeout: 3h' }],
    ['secrets', { fields: ', secrets: [TOKEN]' }],
    ['description of the step', { fields: ', description: words' }],
    ['description of an output', { output: 'description: words' }],
    [
      'default that is written out',
      { fields: ', workdir: ".", environment: default', output: 'kind: file', input: 'data: d, mode: link' },
    ],
  ];
  for (const [what, change] of excluded) {
    it(`does not change with the ${what}`, () => assert.equal(keyOf(inputOf(change)), base));
  }

  it('does not depend on the order of variables, inputs or parameters', () => {
    const one = keyOf({ ...inputOf(), variables: { A: '1', B: '2' } });
    assert.equal(keyOf({ ...inputOf(), variables: { B: '2', A: '1' } }), one);
    const listed = keyOf(inputOf({ fields: ', parameters: [p, q]' }));
    assert.equal(listed, base);
    assert.equal(keyOf(inputOf({ fields: ', parameters: [q, p]' })), base);
  });
});
