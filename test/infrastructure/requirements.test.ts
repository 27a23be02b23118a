import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SameError } from '../../src/errors/same-error.ts';
import type { Machine } from '../../src/host/machine.ts';
import { parseNvidiaGpus } from '../../src/host/machine.ts';
import { checkRequirements } from '../../src/infrastructure/requirements.ts';
import { type PreparedRun, refuseUnmet } from '../../src/operations/prepare-run.ts';
import type { Program } from '../../src/program/schema.ts';

const GIB = 1024 ** 3;
const small: Machine = { os: 'linux', arch: 'x86_64', cpu: 2, memoryBytes: 4 * GIB, gpus: async () => [] };

function program(parts: Partial<Program>): Program {
  return {
    apiVersion: 'same/v1',
    kind: 'Program',
    metadata: { name: 'p', version: '1.0' },
    pipeline: { steps: { main: { run: ['true'] } } },
    ...parts,
  };
}

function check(value: Program, options: { machine?: Machine; variables?: Record<string, string> } = {}) {
  return checkRequirements({
    program: value,
    environments: { check: async () => [] },
    homeDirectory: '/nowhere',
    variables: options.variables ?? {},
    machine: options.machine ?? small,
    freeBytes: () => 10 * GIB,
  });
}

/** What a run is refused with that has them. */
function lines(requirements: Awaited<ReturnType<typeof check>>): string[] {
  try {
    refuseUnmet({ requirements } as unknown as PreparedRun, false);
    return [];
  } catch (error) {
    if (!(error instanceof SameError)) throw error;
    return error.findings.map(({ code, message }) => `${code} ${message}`);
  }
}

test('a program that asks for nothing has no requirements', async () => {
  assert.deepEqual(await check(program({})), []);
});

test('every resource that is missing is named at once, one line each', async () => {
  const resources = {
    cpu: 64,
    memory: '512Gi',
    disk: { size: '50Gi' },
    gpu: { count: 2, vendor: 'nvidia' as const, memory: '16Gi' },
  };
  assert.deepEqual(lines(await check(program({ resources }))), [
    'SAME1701 cpu: want 64, have 2',
    'SAME1701 memory: want 512Gi, have 4 GiB',
    'SAME1701 disk: want 50Gi, have 10 GiB',
    'SAME1701 gpu: want 2 nvidia with 16Gi, have none',
  ]);
});

test('the greatest need of all steps counts and names its step', async () => {
  const steps = { a: { run: ['true'] }, b: { run: ['true'], resources: { cpu: 8 } } };
  const requirements = await check(program({ resources: { cpu: 2 }, pipeline: { steps } }));
  assert.deepEqual(lines(requirements), ['SAME1701 cpu: want 8, have 2 (step b)']);
});

test("a step's own resources replace the program's", async () => {
  const steps = { main: { run: ['true'], resources: { cpu: 1 } } };
  const requirements = await check(program({ resources: { cpu: 64 }, pipeline: { steps } }));
  assert.deepEqual(
    requirements.map(({ want, met }) => [want, met]),
    [['1', true]],
  );
});

test('an optional gpu that is not there stops nothing', async () => {
  const requirements = await check(program({ resources: { gpu: { count: 1, optional: true } } }));
  assert.deepEqual(
    requirements.map(({ met, optional }) => [met, optional]),
    [[false, true]],
  );
  assert.deepEqual(lines(requirements), []);
});

test('a gpu is compared by vendor, count and the memory of each device', async () => {
  const gpus = async () => parseNvidiaGpus('NVIDIA A, 81559\nNVIDIA B, 15000\n');
  const wanted = (gpu: NonNullable<Program['resources']>['gpu']) =>
    check(program({ resources: { gpu } }), { machine: { ...small, gpus } });
  assert.equal((await wanted({ count: 2 }))[0]!.met, true);
  assert.equal((await wanted({ count: 1, memory: '16Gi', vendor: 'nvidia' }))[0]!.met, true);
  assert.equal((await wanted({ count: 2, memory: '16Gi' }))[0]!.met, false);
  assert.equal((await wanted({ count: 1, vendor: 'amd' }))[0]!.met, false);
});

test('a required secret that a step names must be set; its value is never shown', async () => {
  const parts = {
    secrets: { TOKEN: { required: true }, SPARE: {}, UNUSED: { required: true } },
    pipeline: { steps: { main: { run: ['true'], secrets: ['TOKEN', 'SPARE'] } } },
  };
  assert.deepEqual(lines(await check(program(parts))), ['SAME1701 secret: want TOKEN, have not set']);
  const set = await check(program(parts), { variables: { TOKEN: 'hush-hush' } });
  assert.deepEqual(lines(set), []);
  assert.ok(!JSON.stringify(set).includes('hush-hush'));
});

test('a required service is unmet, an optional one is noted', async () => {
  const services = {
    tracking: { resource: 'mlflow-tracking', version: '>=2 <4', optional: true },
    lake: { resource: 's3' },
  };
  const requirements = await check(program({ services }));
  assert.deepEqual(
    requirements.map(({ want, optional }) => [want, optional]),
    [
      ['tracking (mlflow-tracking >=2 <4)', true],
      ['lake (s3)', false],
    ],
  );
  assert.deepEqual(lines(requirements), ['SAME1701 service: want lake (s3), have none configured']);
});

test('what environments lack is asked once for each environment in use', async () => {
  const asked: string[] = [];
  const steps = {
    a: { run: ['true'], environment: 'host' },
    b: { run: ['true'], environment: 'host' },
    c: { run: ['true'] },
  };
  const requirements = await checkRequirements({
    program: program({
      environments: { host: { system: true }, unused: { system: true } },
      pipeline: { steps },
    }),
    environments: {
      async check(name) {
        asked.push(name);
        if (name !== 'host') return [];
        return [{ code: 'SAME1501', message: 'm', what: 'interpreter', want: 'python 3.99', have: 'none' }];
      },
    },
    homeDirectory: '/',
    variables: {},
    machine: small,
  });
  assert.deepEqual(asked, ['default', 'host']);
  assert.deepEqual(lines(requirements), ['SAME1701 interpreter: want python 3.99, have none']);
});
