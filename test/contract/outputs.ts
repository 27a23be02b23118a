import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { type EngineTraits, failedWith, oneStep, type RunFixture, succeeded } from './steps.ts';

/** Outputs of steps, what else they may write, and that attempts are apart (spec chapter step-contract). */
export function outputsContract(name: string, run: RunFixture, traits: EngineTraits = {}): void {
  // Where a step cannot do what it must not, it fails by itself; elsewhere the engine finds what it did.
  const strayed = traits.isClosed ? 'SAME1601' : 'SAME1604';
  describe(`engine ${name}: outputs`, () => {
    it('are taken from $SAME_OUT and from their paths below the workdir', async () => {
      const ran = await run({
        manifest: oneStep(`
run: 'printf 1 > "$SAME_OUT/free"; printf 2 > out/fixed.txt; echo {{outputs.fixed}}; test {{outputs.free}} = "$SAME_OUT/free"; pwd'
workdir: sub
outputs: {free: {}, fixed: {path: out/fixed.txt}}`),
      });
      succeeded(ran);
      assert.equal(await ran.output('main', 'free'), '1');
      assert.equal(await ran.output('main', 'fixed'), '2');
      assert.match(await ran.log('main'), /^out\/fixed\.txt\n\/.*\/sub\n$/);
    });

    const refused: [what: string, script: string, code: string][] = [
      ['was not written', 'true', 'SAME1603'],
      ['is an empty directory', 'mkdir o', 'SAME1603'],
      ['is a directory of empty directories', 'mkdir -p o/a/b', 'SAME1603'],
      ['is a symbolic link', 'echo x > y; ln -s y o', 'SAME1611'],
      ['is a link to nothing', 'ln -s nowhere o', 'SAME1611'],
      ['is a link to a directory', 'mkdir d; echo x > d/x; ln -s d o', 'SAME1611'],
      ['is a named pipe', 'mkfifo o', 'SAME1611'],
      ['is a directory with a link', 'mkdir o; echo x > o/x; ln -s x o/y', 'SAME1611'],
      ['is a directory with a named pipe', 'mkdir o; mkfifo o/p', 'SAME1611'],
    ];
    for (const [what, script, code] of refused) {
      it(`fail a step with ${code} when one ${what}`, async () => {
        const ran = await run({
          manifest: oneStep(`run: ${JSON.stringify(script)}\noutputs: {o: {path: o}}`),
        });
        failedWith(ran, code);
        assert.equal(ran.step('main').exitCode, 0);
        assert.deepEqual(ran.step('main').outputs, {});
        assert.match(ran.problems[0]!.message, /"o"/);
      });
    }

    it('may be empty files', async () => {
      const ran = await run({ manifest: oneStep(`run: ': > o'\noutputs: {o: {path: o}}`) });
      succeeded(ran);
      assert.equal(ran.step('main').outputs.o!.sizeBytes, 0);
    });

    const strays: [what: string, script: string, code: 'SAME1601' | 'SAME1604'][] = [
      ['into $SAME_OUT under another name', 'touch "$SAME_OUT/other"', 'SAME1604'],
      ['beside the work tree', 'touch ../other', 'SAME1604'],
      ['beside the directories of the attempt', 'touch ../../other', strayed],
      ['into $SAME_IN', 'touch "$SAME_IN/other"', traits.isAway ? 'SAME1604' : strayed],
    ];
    for (const [where, script, code] of strays) {
      it(`fail a step that wrote ${where}`, async () => {
        const ran = await run({
          manifest: oneStep(`run: ${JSON.stringify(`touch {{outputs.o}}; ${script}`)}\noutputs: {o: {}}`),
        });
        failedWith(ran, code);
        if (code === 'SAME1604') assert.match(ran.problems[0]!.message, /other/);
        else assert.match(await ran.log('main', 'stderr'), /other/);
      });
    }

    it('fail a step whose output lies outside through a link in its path', async () => {
      const ran = await run({
        manifest: oneStep(
          `run: 'rmdir d; mkdir "\${HOME:?}/../../../elsewhere"; ln -s "$HOME/../../../elsewhere" d; touch d/o'\noutputs: {o: {path: d/o}}`,
        ),
      });
      assert.equal(ran.record.status, 'failed');
      assert.ok(ran.codes.includes(strayed), JSON.stringify(ran.problems));
    });

    it('are not needed for what a step writes in its work tree, home and temporary directory', async () => {
      const ran = await run({
        manifest: oneStep(
          `run: 'touch here "$HOME/.cache" "$TMPDIR/x"; mkdir -p a/b; mkdir ro; touch ro/x; chmod 500 ro'`,
        ),
      });
      succeeded(ran);
      assert.deepEqual(readdirSync(join(ran.home, 'work')), []);
    });
  });

  describe(`engine ${name}: attempts apart`, () => {
    it('no step can put files into the directories of a later one', async () => {
      const plant = (up: string) => ({
        manifest: `
pipeline:
  steps:
    a:
      run: 'cd "$HOME" && mkdir -p ${up}/b/1/work && touch ${up}/b/1/work/planted; touch {{outputs.o}}'
      outputs: {o: {}}
    b: {run: 'ls', inputs: {o: {from: a.o}}}
`,
      });
      for (const up of ['../..', '../../..']) {
        const ran = await run(plant(up));
        if (ran.record.status === 'succeeded') assert.equal(await ran.log('b'), '');
        else failedWith(ran, 'SAME1604');
      }
    });

    it('what a failed attempt left beside its directories is gone at the next', async () => {
      const ran = await run({
        manifest: oneStep(
          `run: 'echo "$HOME"; test ! -e ../../litter && test $SAME_ATTEMPT = 2 || { touch ../../litter; exit 1; }'\nretries: {max: 1, backoff: 1ms}`,
        ),
      });
      succeeded(ran);
      const homes = await Promise.all(
        ran.attempts('main').map(async ({ logs }) => (await ran.content.read(logs.stdout.digest)).toString()),
      );
      if (!traits.isAway) assert.notEqual(homes[0], homes[1]);
    });

    it('a step may be called like any directory of the runner', async () => {
      succeeded(await run({ manifest: "pipeline: {steps: {staged: {run: 'true'}, steps: {run: 'true'}}}" }));
    });
  });
}
