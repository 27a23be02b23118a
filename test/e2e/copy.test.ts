import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { assertRefused, listing, type Refusal } from './refusal.ts';
import { created, done, type Lab, openLab, pinIn, ran, refused, study } from './registry-lab.ts';

describe('same copy', () => {
  let lab: Lab;
  let run: string;
  let program: string;
  const at = (namespace: string) => `oci://${lab.registry.host}/${namespace}/study:1.0`;
  const refusedHere = (words: string[], wanted: Refusal) => assertRefused(lab.rig, words, wanted);
  const tagIn = (namespace: string) => lab.registry.content.repository(`${namespace}/study`).tags.get('1.0');

  before(async () => {
    lab = await openLab();
    const { rig } = lab;
    run = await ran(rig, 'study:1.0', 2);
    for (const [form, file] of [
      ['tgz', 'study.tgz'],
      ['oci-tar', 'study.tar'],
      ['oci-dir', 'study.oci'],
    ] as const)
      await done(rig, ['export', '-n', 'study:1.0', '--format', form, '-o', file]);
    program = pinIn(rig.home).digest;
    await lab.remote(['push', 'study:1.0', at('lab')]);
    await created(rig, study.replace('default: 1', 'default: 5'), rig.path('other'));
    await done(rig, ['export', '-n', 'study:1.0', '-o', 'other.tgz'], rig.path('other'));
  });
  after(() => lab[Symbol.asyncDispose]());

  it('takes a program through files and registries to whoever runs it, and says what it did', async () => {
    const { rig } = lab;
    const reader = rig.path('reader');
    const first = await lab.remote(['copy', 'study.oci', at('chain')], reader);
    assert.equal(first.stdout, `copied study:1.0 (${program}) to ${at('chain')} with 1 run\n`);
    assert.match(first.stderr, /^ {2}sent \d+ bytes$/m);
    const second = await lab.remote(['copy', at('chain'), at('chain/two')], reader);
    assert.match(second.stderr, /^ {2}sent \d+ bytes, \d blobs taken over from another repository there$/m);
    const again = await lab.remote(['copy', at('chain'), at('chain/two')], reader);
    assert.match(again.stderr, /^ {2}everything was there already$/m);
    const third = await lab.remote(['copy', at('chain/two'), 'chain.tar', '--json'], reader);
    const { kind, digest, digests, runs, destination } = third.json();
    assert.deepEqual([kind, digest, runs, destination], ['Copied', program, 1, 'chain.tar']);
    assert.equal(digests.program, program);
    assert.ok(readFileSync(rig.path('chain.tar')).equals(readFileSync(rig.path('study.tar'))));
    assert.deepEqual(listing(reader), [], 'something came into the home');
    await done(rig, ['create', '-f', 'chain.tar'], reader);
    assert.equal((await done(rig, ['run', 'study:1.0', '--json'], reader)).json().status, 'succeeded');
    const { items } = (await done(rig, ['list', 'runs', '--json'], reader)).json();
    assert.equal(items.length, 2);
    assert.ok(items.some(({ id }: { id: string }) => id === run));
  });

  it('replaces a file by force only, and a directory never', async () => {
    const { rig } = lab;
    const nowhere = rig.path('nowhere');
    for (const destination of ['mine.tgz', 'mine.tar']) {
      rig.write({ [destination]: 'mine\n' });
      await refusedHere(['copy', 'study.tgz', destination], {
        code: 'SAME1403',
        exit: 4,
        place: destination,
        hint: '--force',
      });
      await done(rig, ['copy', 'study.oci', destination, '--force'], nowhere);
      const whole = readFileSync(rig.path(destination.replace('mine', 'study')));
      assert.ok(readFileSync(rig.path(destination)).equals(whole));
    }
    rig.write({ 'folder/notes': 'mine\n', file: 'mine\n', 'named.tgz/notes': 'mine\n' });
    for (const destination of ['folder', 'study.oci', 'file', 'named.tgz'])
      await refusedHere(['copy', 'study.tgz', destination, '--force'], { code: 'SAME1403', exit: 4 });
    assert.deepEqual(
      readdirSync(rig.root).filter((name) => name.startsWith('.')),
      [],
    );
  });

  it('onto the file that it reads leaves that file as it is', async () => {
    const { rig } = lab;
    const before = readFileSync(rig.path('study.tgz'));
    await done(rig, ['copy', 'study.tgz', 'study.tgz', '--force'], rig.path('nowhere'));
    assert.ok(readFileSync(rig.path('study.tgz')).equals(before));
  });

  it('moves a tag that leads to another program by force only, and says where it led', async () => {
    const { rig, registry } = lab;
    await lab.remote(['copy', 'study.tgz', at('moving')]);
    const before = registry.log.length;
    await refused(rig, rig.home, ['copy', rig.path('other.tgz'), at('moving')], {
      code: 'SAME1804',
      exit: 4,
      message: program,
      hint: '--force',
    });
    const writes = registry.log.slice(before).filter(({ method }) => !['GET', 'HEAD'].includes(method));
    assert.deepEqual(writes, []);
    const moved = (await lab.remote(['copy', 'other.tgz', at('moving'), '--force', '--json'])).json();
    assert.equal(moved.moved, program);
    assert.equal(tagIn('moving'), moved.digest);
    assert.notEqual(moved.digest, program);
  });

  it('of what is damaged or no bundle is refused before a registry is asked anything', async () => {
    const { rig, registry } = lab;
    const damaged = readFileSync(rig.path('study.tar'));
    damaged[damaged.length >> 1]! ^= 1;
    const cut = readFileSync(rig.path('study.tgz')).subarray(0, -100);
    rig.write({ 'damaged.tar': damaged, 'cut.tgz': cut, 'notes.txt': 'notes\n' });
    const [blob] = readdirSync(rig.path('study.oci/blobs/sha256'));
    await done(rig, ['copy', 'study.oci', 'broken.oci'], rig.path('nowhere'));
    writeFileSync(join(rig.path('broken.oci/blobs/sha256'), blob!), 'other');
    const before = registry.log.length;
    for (const [source, exit] of [
      ['damaged.tar', 7],
      ['cut.tgz', 7],
      ['broken.oci', 7],
      ['notes.txt', 2],
    ] as const) {
      const ended = await rig.same(['copy', source, at('refused'), '--plain-http', '--json']);
      assert.equal(ended.json().kind, 'Error', source);
      assert.match(ended.json().findings[0].code, /^SAME1[23]0\d$/, source);
      assert.equal(ended.code, exit, `${source}: ${ended.stderr}`);
    }
    await refusedHere(['copy', 'study:1.0', at('refused'), '--plain-http'], {
      code: 'SAME1205',
      exit: 3,
      place: 'study:1.0',
      hint: 'same push',
    });
    assert.equal(registry.log.length, before);
  });

  it('takes one login and one way to a registry, where there is one to take it', async () => {
    const { registry } = lab;
    const login = ['-u', 'ada', '--password-stdin'];
    const typed = { under: ['sh', '-c', 'echo pass | "$@"', 'sh'] };
    const before = registry.log.length;
    await refusedHere(['copy', at('lab'), at('second'), '--plain-http', ...login], {
      code: 'SAME1902',
      place: '-u',
      hint: 'same login HOST',
      ...typed,
    });
    for (const [words, option] of [
      [['--plain-http'], '--plain-http'],
      [['--ca', 'ca.pem'], '--ca'],
      [login, '-u'],
    ] as const)
      await refusedHere(['copy', 'study.tgz', 'elsewhere.tgz', ...words], {
        code: 'SAME1902',
        place: option,
        message: `${option} has nothing to do`,
        ...typed,
      });
    await refusedHere(['copy', 'study.tgz', at('lab'), ...login.slice(0, 2)], {
      code: 'SAME1902',
      place: '-u',
    });
    assert.equal(registry.log.length, before);
  });

  it('refuses a place that is not the program’s, and one that is none', async () => {
    for (const destination of [`${lab.registry.host}/lab`, 'registry.example.org/lab'])
      await refusedHere(['copy', 'study.tgz', destination], {
        code: 'SAME1902',
        hint: `oci://${destination}`,
      });
    await done(lab.rig, ['copy', 'study.tgz', './localhost:80/lab'], lab.rig.path('nowhere'));
    for (const [destination, code, exit] of [
      [`oci://${lab.registry.host}/lab/other:1.0`, 'SAME1204', 3],
      [`oci://${lab.registry.host}/lab/study:2.0`, 'SAME1204', 3],
      [`${at('lab')}@${program}`, 'SAME1805', 2],
      ['oci://nobody/study', 'SAME1805', 2],
    ] as const)
      await refusedHere(['copy', 'study.tgz', destination, '--plain-http'], { code, exit });
    await refusedHere(['copy', at('nothing'), 'nothing.tgz', '--plain-http'], { code: 'SAME1803', exit: 3 });
    await refusedHere(['copy', at('lab'), at('second')], { code: 'SAME1801', exit: 6, hint: '--plain-http' });
  });

  it('stops for SOURCE_DATE_EPOCH before it reads or writes, where it writes a bundle', async () => {
    const { rig, registry } = lab;
    const env = { SOURCE_DATE_EPOCH: 'yesterday' };
    const before = registry.log.length;
    await refusedHere(['copy', at('lab'), 'dated.tgz', '--plain-http'], {
      code: 'SAME1902',
      place: 'SOURCE_DATE_EPOCH',
      env,
    });
    assert.equal(registry.log.length, before);
    const ended = await rig.same(['copy', at('lab'), at('dated'), '--plain-http'], { env });
    assert.equal(ended.code, 0, ended.stderr);
  });
});
