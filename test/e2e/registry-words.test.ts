import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type FaultRegistry, startFaultRegistry } from '../components/fault-registry.ts';
import { type Registry, startRegistry, unavailable } from '../components/registry.ts';
import { assertRefused } from './refusal.ts';
import { manifest, openRig, type Rig } from './rig.ts';

describe('what is said of registries', { skip: unavailable() ?? false }, () => {
  let rig: Rig;
  let plain: FaultRegistry;
  let secure: Registry;
  let there: string;
  let env: Record<string, string>;
  before(async () => {
    rig = openRig();
    plain = await startFaultRegistry();
    secure = await startRegistry();
    there = `oci://${plain.host}/lab`;
    rig.write({ 'study/same.yaml': manifest('run: echo 1 > out.txt') });
    for (const words of [
      ['create', '-f', 'study'],
      ['run', 'study:1.0'],
      ['push', 'study:1.0', there, '--plain-http'],
    ]) {
      const ended = await rig.same(words);
      assert.equal(ended.code, 0, ended.stderr);
    }
    const auth = Buffer.from(`${secure.user}:${secure.password}`).toString('base64');
    rig.write({ 'logins.json': JSON.stringify({ auths: { [secure.host]: { auth } } }) });
    env = { REGISTRY_AUTH_FILE: rig.path('logins.json') };
  });
  after(async () => {
    rig[Symbol.dispose]();
    await plain.dispose();
    await secure.dispose();
  });

  it('can be plain HTTP at one end of a copy alone', async () => {
    const words = ['copy', `${there}/study:1.0`, `oci://${secure.host}/mirror`, '--ca', secure.caFile];
    const away = await rig.same([...words, '--from-plain-http'], { env });
    assert.equal(away.code, 0, away.stderr);
    const back = ['copy', `oci://${secure.host}/mirror/study`, `oci://${plain.host}/back`];
    const returned = await rig.same([...back, '--to-plain-http', '--ca', secure.caFile], { env });
    assert.equal(returned.code, 0, returned.stderr);
    const both = await rig.same([...words, '--from-plain-http', '--to-plain-http'], { env });
    assert.equal(both.code, 6, both.stderr);
  });

  it('is refused where no registry is at that end', async () => {
    await assertRefused(rig, ['copy', `${there}/study:1.0`, 'study.tgz', '--to-plain-http'], {
      code: 'SAME1902',
      message: '--to-plain-http has nothing to do',
    });
  });

  it('is no directory by mistake', async () => {
    await assertRefused(rig, ['copy', `${there}/study:1.0`, `${plain.host}/other`, '--plain-http'], {
      code: 'SAME1902',
      message: 'could be the address of a registry',
      hint: `a registry is written oci://${plain.host}/other`,
    });
  });

  it('can be pasted: a hinted command reaches the registry as this one did', async () => {
    const pushed = await rig.same(['push', 'study:1.0', there, '--plain-http']);
    assert.match(pushed.stderr, /same pull oci:\S+ --plain-http$/m);
    const lacking = await rig.same(['pull', `${there}/study:9.9`, '--plain-http']);
    assert.match(lacking.stderr, /same list tags oci:\S+ --plain-http$/m);
  });

  it('is true of a run that goes to a program whose tag leads elsewhere by now', async () => {
    rig.write({ 'study/same.yaml': manifest('run: echo 2 > out.txt') });
    const other = openRig();
    other.write({ 'study/same.yaml': manifest('run: echo 2 > out.txt') });
    assert.equal((await other.same(['create', '-f', 'study'])).code, 0);
    const moved = await other.same(['push', 'study:1.0', there, '--plain-http', '--force']);
    assert.equal(moved.code, 0, moved.stderr);
    other[Symbol.dispose]();
    const run = await rig.same(['push', 'run', 'latest', there, '--plain-http']);
    assert.equal(run.code, 0, run.stderr);
    assert.match(run.stderr, /same pull oci:\S+@sha256:[0-9a-f]{64} --plain-http$/m);
  });

  it('is where a program has to be got before it is run', async () => {
    await assertRefused(rig, ['run', '-f', `${there}/study:1.0`], {
      code: 'SAME1208',
      message: 'is in a registry',
      hint: 'get it first: same pull oci:',
    });
  });
});
