import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SameError } from '../../src/errors/same-error.ts';
import { isPlainChoice, resolveTarget } from '../../src/infrastructure/targets.ts';
import type { Program } from '../../src/program/schema.ts';
import type { TargetSettings } from '../../src/program/target.ts';

const LOCAL = { name: 'local', engine: 'local' };

function refusal(choice: Parameters<typeof resolveTarget>[0]): string {
  try {
    resolveTarget(choice);
  } catch (error) {
    assert.ok(error instanceof SameError);
    return error.message;
  }
  assert.fail('was not refused');
}

test('without a word a program runs locally', () => {
  assert.deepEqual(resolveTarget({}), LOCAL);
  assert.deepEqual(resolveTarget({ variable: '' }), LOCAL);
});

test('--target wins over SAME_ENVIRONMENT, and --engine too', () => {
  assert.deepEqual(resolveTarget({ target: 'local', variable: 'nonsense' }), LOCAL);
  assert.deepEqual(resolveTarget({ engine: 'local', variable: 'slurm' }), LOCAL);
});

test('an engine of this version is a place of the same name', () => {
  assert.deepEqual(resolveTarget({ engine: 'podman' }), { name: 'podman', engine: 'podman' });
  assert.deepEqual(resolveTarget({ target: 'podman', engine: 'podman' }), {
    name: 'podman',
    engine: 'podman',
  });
});

test('an engine that only files are written for says so, and one of another version what it would need', () => {
  for (const engine of ['katib']) {
    assert.match(
      refusal({ engine }),
      new RegExp(`^SAME1702 ${engine} \\(from --engine\\) is not available: .* writes what would run`),
    );
    assert.match(refusal({ variable: engine }), /^SAME1702 .*from SAME_ENVIRONMENT/);
  }
  assert.match(refusal({ engine: 'slurm' }), /^SAME1702 slurm .*will need a cluster with sbatch/);
});

test('a target of the home is its engine with its settings, by any way of naming it', () => {
  const lab = { engine: 'kubernetes', context: 'lab', namespace: 'studies' };
  const configured = new Map<string, TargetSettings>([
    ['lab', lab],
    ['kubernetes', { engine: 'kubernetes', namespace: 'mine' }],
  ]);
  assert.deepEqual(resolveTarget({ target: 'lab', configured }), { name: 'lab', ...lab });
  assert.deepEqual(resolveTarget({ variable: 'lab', configured }), { name: 'lab', ...lab });
  assert.deepEqual(resolveTarget({ target: 'lab', engine: 'kubernetes', configured }), {
    name: 'lab',
    ...lab,
  });
  const ofEngine = { name: 'kubernetes', engine: 'kubernetes', namespace: 'mine' };
  assert.deepEqual(resolveTarget({ engine: 'kubernetes', configured }), ofEngine);
  assert.match(refusal({ engine: 'lab', configured }), /^SAME1902 unknown engine "lab" \(from --engine\)/);
  assert.match(refusal({ target: 'lap', configured }), /did you mean lab\?.*known: local, podman.*, lab\)/);
});

test('what the home sets is read only where something else than this machine is named', () => {
  assert.equal(isPlainChoice({}), true);
  assert.equal(isPlainChoice({ variable: '' }), true);
  assert.equal(isPlainChoice({ target: 'podman', variable: 'lab' }), true);
  assert.equal(isPlainChoice({ variable: 'lab' }), false);
  assert.equal(isPlainChoice({ target: 'lab', engine: 'local' }), false);
  assert.equal(isPlainChoice({ engine: 'kubernetes' }), false);
});

test('a cluster that a program declares is none until the home says which one it is', () => {
  const program = {
    infrastructure: { targets: [{ name: 'k3d', kind: 'kubernetes' }] },
  } as unknown as Program;
  assert.match(refusal({ target: 'k3d', program }), /^SAME1702 target "k3d" .*not set in this home/);
  const configured = new Map([['k3d', { engine: 'kubernetes' }]]);
  const k3d = { name: 'k3d', engine: 'kubernetes' };
  assert.deepEqual(resolveTarget({ target: 'k3d', program, configured }), k3d);
});

test('an unknown target gets a suggestion and the list', () => {
  assert.match(
    refusal({ target: 'locl' }),
    /^SAME1902 unknown target "locl" \(from --target\) — did you mean local\? \(known: local, podman/,
  );
  assert.match(refusal({ target: 'constructor' }), /^SAME1902 unknown target "constructor"/);
});

test('two places at once are a contradiction', () => {
  assert.match(refusal({ target: 'local', engine: 'slurm' }), /^SAME1702 slurm/);
  assert.match(
    refusal({ target: 'local', engine: 'podman' }),
    /^SAME1902 --target local and --engine podman name two places/,
  );
});

test('a declared target of kind process runs locally, one of kind container by podman, others are refused by kind', () => {
  const program = {
    infrastructure: {
      targets: [
        { name: 'here', kind: 'process' },
        { name: 'boxed', kind: 'container' },
        { name: 'aks', kind: 'terraform' },
      ],
    },
  } as unknown as Program;
  assert.deepEqual(resolveTarget({ target: 'here', program }), { name: 'here', engine: 'local' });
  assert.deepEqual(resolveTarget({ target: 'boxed', program }), { name: 'boxed', engine: 'podman' });
  assert.match(refusal({ target: 'aks', program }), /^SAME1702 target "aks" .* kind terraform/);
  assert.match(refusal({ target: 'her', program }), /did you mean here\?.*known: .*here, boxed, aks/);
});
