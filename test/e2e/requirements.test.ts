import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { assertRefused, listing } from './refusal.ts';
import { openRig, type Rig } from './rig.ts';

const head = (name: string) =>
  `apiVersion: same/v1\nkind: Program\nmetadata: {name: ${name}, version: "1.0"}\n`;
const step = (witness: string, rest = '') =>
  `pipeline: {steps: {main: {run: [sh, -c, "echo ran > ${witness}; echo ran > $SAME_OUT/said"], outputs: {said: {}}${rest}}}}\n`;

describe('what a program needs is compared with this machine before anything runs', () => {
  let rig: Rig;
  const witness = () => rig.path('witness');
  before(() => {
    rig = openRig();
    rig.write({
      // Everything at once, in two steps.
      'greedy/same.yaml': `${head('greedy')}resources: {cpu: 4096, memory: 900Ti, disk: {size: 900Ti}}
environments:
  default: {python: {version: "3.99"}}
  tools: {system: true, requires: {commands: [no-such-command, "git >=99", "sh"]}}
secrets: {TOKEN: {required: true}, HINT: {}}
services: {db: {resource: postgres, version: ">=14"}, board: {resource: dashboard, optional: true}}
pipeline:
  steps:
    train:
      run: [sh, -c, "echo ran > ${witness()}"]
      resources: {gpu: {count: 8}}
      secrets: [TOKEN, HINT]
      services: [db]
    plot: {run: [sh, -c, "echo ran > ${witness()}"], environment: tools}
`,
      // What can be done without.
      'modest/same.yaml': `${head('modest')}resources: {cpu: 4096, memory: 900Ti, disk: {size: 900Ti}, gpu: {count: 8, vendor: amd}}
environments: {default: {system: true, requires: {commands: ["git >=99", no-such-command]}}}
secrets: {TOKEN: {required: true}}
services: {db: {resource: postgres}}
${step(witness(), ', secrets: [TOKEN]')}`,
      // Everything optional.
      'easy/same.yaml': `${head('easy')}resources: {cpu: 0.5, memory: 1Mi, disk: {size: 1k}, gpu: {count: 8, vendor: amd, memory: 900Ti, optional: true}}
secrets: {TOKEN: {}}
services: {db: {resource: postgres, optional: true}}
${step(witness(), ', secrets: [TOKEN]')}`,
    });
  });
  after(() => rig[Symbol.dispose]());

  test('create warns of each unmet need, does not execute, and succeeds', async () => {
    const ended = await rig.same(['create', '-f', 'greedy', '--json']);
    assert.equal(ended.code, 0, ended.stderr);
    const { kind, notices } = ended.json();
    assert.equal(kind, 'Created');
    const said = notices
      .map(({ code, message }: { code: string; message: string }) => `${code} ${message}`)
      .join('\n');
    for (const what of ['cpu', 'memory', 'disk', 'gpu', 'interpreter', 'command', 'secret', 'service']) {
      assert.match(
        said,
        new RegExp(`SAME1701 this machine does not meet a requirement: ${what}: want .+, have `),
      );
    }
    assert.equal(notices.length, 9, said);
    assert.equal(ended.stderr.match(/^warning: SAME1701/gm)?.length, 9);
    for (const name of ['modest', 'easy']) assert.equal((await rig.same(['create', '-f', name])).code, 0);
    assert.ok(!existsSync(witness()));
  });

  test('run reports all of them at once, a line each with want and have, exits with 10, and nothing runs', async () => {
    const findings = await assertRefused(rig, ['run', 'greedy'], {
      code: Array(9).fill('SAME1701'),
      exit: 10,
    });
    const said = findings.map(({ message }) => message);
    const wanted = [
      /^cpu: want 4096, have \d+/,
      /^memory: want 900Ti, have [\d.]+ ?\w+/,
      /^disk: want 900Ti, have [\d.]+ ?\w+/,
      /^gpu: want 8, have .*\(step train\)/,
      /^interpreter: want python 3\.99, have /,
      /^command: want git >=99, have git \d/,
      /^command: want no-such-command, have none/,
      /^secret: want TOKEN, have not set/,
      /^service: want db \(postgres >=14\), have none configured \(step train\)/,
    ];
    for (const line of wanted)
      assert.ok(
        said.some((message) => line.test(message)),
        `${line} in\n${said.join('\n')}`,
      );
    for (const { hint } of findings) assert.ok(hint, 'each has a hint');
    assert.ok(!existsSync(witness()));
    assert.deepEqual((await rig.same(['list', 'runs', '--json'])).json().items, []);
  });

  test('a folder that is run without creating it is held to the same needs and leaves nothing', async () => {
    await assertRefused(rig, ['run', '-f', 'modest'], { code: Array(8).fill('SAME1701'), exit: 10 });
    using empty = openRig();
    await assertRefused(empty, ['run', '-f', rig.path('modest')], {
      code: Array(8).fill('SAME1701'),
      exit: 10,
    });
    assert.ok(!listing(empty.home).some((line) => line.includes('blobs')));
  });

  test('--plan shows met, optional and unmet ones side by side and exits with 0', async () => {
    const ended = await rig.same(['run', 'greedy', '--plan']);
    assert.equal(ended.code, 0, ended.stderr);
    for (const line of [
      /UNMET +cpu +want 4096 +have \d/,
      /UNMET +command +want git >=99 +have git \d/,
      /UNMET +secret +want TOKEN +have not set/,
      /optional +secret +want HINT +have not set/,
      /optional +service +want board \(dashboard\) +have none/,
    ]) {
      assert.match(ended.stdout, line);
    }
    assert.ok(!existsSync(witness()));
  });

  test('--allow-unmet goes on, and every need that was waived is in the record and shown', async () => {
    const ended = await rig.same(['run', 'modest', '--allow-unmet', '--json']);
    assert.equal(ended.code, 0, ended.stderr);
    const { id, status, waivers } = ended.json();
    assert.equal(status, 'succeeded');
    assert.deepEqual(
      waivers.map(({ what, want }: { what: string; want: string }) => `${what} ${want}`).sort(),
      [
        'command git >=99',
        'command no-such-command',
        'cpu 4096',
        'disk 900Ti',
        'gpu 8 amd',
        'memory 900Ti',
        'secret TOKEN',
        'service db (postgres)',
      ],
    );
    for (const { have } of waivers) assert.ok(have);
    assert.ok(existsSync(witness()));
    const shown = await rig.same(['show', 'run', id]);
    assert.match(shown.stdout, /waived cpu: want 4096, have \d+/);
    assert.match(shown.stdout, /waived service: want db \(postgres\), have none configured/);
  });

  test('--allow-unmet does not excuse an interpreter that nothing can run without', async () => {
    const ended = await rig.same(['run', 'greedy', '--allow-unmet', '--json']);
    assert.equal(ended.code, 5, ended.stderr);
    assert.equal(ended.json().findings[0].code, 'SAME1501');
  });

  test('optional needs that are not met stop nothing, are no waivers, and an optional service is noted', async () => {
    const ended = await rig.same(['run', 'easy', '--json']);
    assert.equal(ended.code, 0, ended.stderr);
    const { waivers, services, redactions, notices } = ended.json();
    assert.deepEqual(waivers, []);
    assert.match(services.db, /not bound/);
    assert.deepEqual(redactions, []);
    assert.equal(notices, undefined);
    const { requirements } = (await rig.same(['run', 'easy', '--plan', '--json'])).json();
    assert.deepEqual(
      requirements
        .filter(({ met }: { met: boolean }) => !met)
        .map(({ what, optional }: { what: string; optional: boolean }) => [what, optional]),
      [
        ['gpu', true],
        ['secret', true],
        ['service', true],
      ],
    );
  });

  test('a secret that is set is met, and its value is in no plan', async () => {
    const ended = await rig.same(['run', 'easy', '--plan', '--json'], { env: { TOKEN: 'hunter2-value' } });
    const secret = ended.json().requirements.find(({ what }: { what: string }) => what === 'secret');
    assert.deepEqual([secret.met, secret.have], [true, 'set']);
    assert.ok(!(ended.stdout + ended.stderr).includes('hunter2-value'));
  });
});
