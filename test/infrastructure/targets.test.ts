import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SameError } from '../../src/errors/same-error.ts';
import { engineNames, resolveTarget } from '../../src/infrastructure/targets.ts';
import type { Program } from '../../src/program/schema.ts';

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

test('every other engine says what is missing', () => {
  for (const engine of engineNames.filter((name) => name !== 'local' && name !== 'podman')) {
    assert.match(
      refusal({ engine }),
      new RegExp(`^SAME1702 ${engine} \\(from --engine\\) is not available: .*will need`),
    );
    assert.match(refusal({ variable: engine }), /^SAME1702 .*from SAME_ENVIRONMENT/);
  }
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
