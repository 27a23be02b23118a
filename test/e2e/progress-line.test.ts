import assert from 'node:assert/strict';
import { truncateSync } from 'node:fs';
import { after, before, describe, it, mock } from 'node:test';
import type { Cli } from '../../src/cli/cli.ts';
import { telling, workLine } from '../../src/cli/render/work-line.ts';
import { manifest, openRig, type Rig, same } from './rig.ts';

const gib = (count: number): number => count * 2 ** 30;

describe('the line of long work', () => {
  it('says how much of the file that was named is read', () => {
    const tally = { bytes: gib(1.5), file: { bytes: gib(1.2), sizeBytes: gib(4) } };
    const what = { doing: 'checking ./f.tgz', file: './f.tgz', after: 'unpacking' };
    assert.equal(workLine(what, tally), 'checking ./f.tgz: 1.2 GiB of 4.0 GiB');
    const whole = { bytes: gib(4) + 2 ** 25, file: { bytes: gib(4), sizeBytes: gib(4) } };
    assert.equal(workLine(what, whole), 'unpacking: 32 MiB');
    assert.equal(workLine({ doing: 'packing' }, tally), 'packing: 1.5 GiB');
  });

  it('shows what a name says that would move the cursor', () => {
    assert.equal(
      workLine({ doing: 'checking a\nb\u001b[2J' }, { bytes: 0 }),
      'checking a\\u000ab\\u001b[2J: 0 MiB',
    );
  });

  it('waits a second, makes way for what is said, and is not there beside JSON, with --quiet or off a terminal', async () => {
    const wrote = async (settings: Partial<Cli>): Promise<string[]> => {
      mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
      try {
        const written: string[] = [];
        const cli = { live: true, json: false, quiet: false, say: (text: string) => written.push(text) };
        const all = { ...cli, ...settings } as unknown as Cli;
        const work = async () => {
          mock.timers.tick(999);
          written.push('a second');
          mock.timers.tick(1);
          all.say('a word');
          mock.timers.tick(250);
        };
        await telling(all, { doing: 'packing' }, work, (text) => written.push(text.replace(/: .*/, '')));
        all.say('done');
        return written;
      } finally {
        mock.timers.reset();
      }
    };
    const [erase, line] = ['\r\u001b[2K', '\r\u001b[2Kpacking'];
    assert.deepEqual(await wrote({}), ['a second', line, erase, 'a word', line, erase, 'done']);
    for (const settings of [{ live: false }, { json: true }, { quiet: true }])
      assert.deepEqual(await wrote(settings), ['a second', 'a word', 'done']);
  });

  describe('of a program that takes seconds', () => {
    let rig: Rig;
    before(() => {
      rig = openRig();
      rig.write({ 'study/same.yaml': manifest('run: "true"'), 'study/zeros': '' });
      truncateSync(rig.path('study/zeros'), 2 ** 30);
    });
    after(() => rig[Symbol.dispose]());

    const onTerminal = (words: string[]) =>
      // What `script` runs goes through a shell; these words mean nothing to it.
      rig.same([], {
        env: { CI: undefined, TERM: 'xterm' },
        under: ['sh', '-c', `exec script -qec '${[process.execPath, same, ...words].join(' ')}' /dev/null`],
      });

    it('is on a terminal, and gone at the end', { timeout: 120_000 }, async () => {
      const { code, stdout } = await onTerminal(['create', '-f', 'study']);
      assert.equal(code, 0, stdout);
      assert.match(stdout, /\r\u001b\[2Kpacking: [0-9.]+ [MG]iB/);
      const end = stdout.slice(stdout.lastIndexOf('packing: '));
      assert.match(end, /^packing: [0-9.]+ [MG]iB\r\u001b\[2Kcreated study:1\.0 /);
    });

    it('is nowhere but there', { timeout: 120_000 }, async () => {
      const checked = await rig.same(['verify', 'integrity'], { env: { CI: undefined, TERM: 'xterm' } });
      assert.equal(checked.code, 0, checked.stderr);
      assert.equal(checked.stderr, '');
    });
  });
});
