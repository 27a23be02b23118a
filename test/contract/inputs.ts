import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { attackOn, type EngineTraits, failedWith, type RunFixture, succeeded } from './steps.ts';

/** Inputs of steps: where they lie, and that no step changes one (spec chapter step-contract). */
export function inputsContract(name: string, run: RunFixture, traits: EngineTraits = {}): void {
  // Where a step cannot do what it must not, it fails by itself; elsewhere the engine finds what it did.
  const changed = traits.isClosed ? 'SAME1601' : 'SAME1605';
  describe(`engine ${name}: inputs`, () => {
    const make = 'printf precious > {{outputs.x}}';
    const attacks: Record<string, string> = {
      'writes into': 'set -e; chmod u+w "$1"; printf changed > "$1"; touch "$SAME_OUT/done"',
      'appends to': 'set -e; chmod u+w "$1"; printf more >> "$1"; touch "$SAME_OUT/done"',
      removes: 'set -e; rm -f "$1"; touch "$SAME_OUT/done"',
      'replaces by equal bytes': 'set -e; rm -f "$1"; printf precious > "$1"; touch "$SAME_OUT/done"',
      'replaces by a link': 'set -e; mv "$1" "$TMPDIR/x"; ln -s "$TMPDIR/x" "$1"; touch "$SAME_OUT/done"',
      'moves away': 'set -e; mv "$1" "$TMPDIR/x"; touch "$SAME_OUT/done"',
    };
    for (const [what, script] of Object.entries(attacks)) {
      for (const at of ['', ', at: in/x']) {
        it(`fail a step that ${what} one${at && ' at a path'}, and the store gives out no changed byte`, async () => {
          const ran = await run({ manifest: attackOn(make, at), files: { 'attack.sh': script } });
          failedWith(ran, changed);
          assert.equal(ran.step('attack').status, 'failed');
          assert.deepEqual(ran.step('attack').outputs, {});
          const { digest } = ran.step('make').outputs.x!;
          const blob = ran.content.pathOf(digest);
          if (existsSync(blob)) assert.equal(readFileSync(blob, 'utf8'), 'precious');
          else assert.equal(readdirSync(join(ran.home, 'content/quarantine')).length, 1);
        });
      }
    }

    it('fail a step that changed one even when the step fails by itself', async () => {
      const ran = await run({
        manifest: attackOn(make, ''),
        files: { 'attack.sh': 'chmod u+w "$1"; printf changed > "$1"; exit 1' },
      });
      assert.equal(ran.record.status, 'failed');
      assert.deepEqual([...new Set(['SAME1601', changed])], [...ran.codes].sort());
    });

    it('fail a step that changed one that is executable', async () => {
      const ran = await run({
        manifest: attackOn(`${make}; chmod +x {{outputs.x}}`, ''),
        files: { 'attack.sh': 'set -e; chmod u+w "$1"; printf changed > "$1"; touch "$SAME_OUT/done"' },
      });
      failedWith(ran, changed);
    });

    it('fail a step that changed, removed or added a file of a directory', async () => {
      for (const attack of ['printf changed > "$1/a"', 'rm -f "$1/a"', 'touch "$1/b"', 'ln -s a "$1/b"']) {
        const ran = await run({
          manifest: attackOn('mkdir {{outputs.x}}; printf precious > {{outputs.x}}/a', ''),
          files: { 'attack.sh': `set -e; chmod u+w "$1/a"; ${attack}; touch "$SAME_OUT/done"` },
        });
        failedWith(ran, changed);
      }
    });

    it('are read-only in their mode, of one time, and whole', async () => {
      const ran = await run({
        manifest: attackOn(make, ''),
        files: { 'attack.sh': 'stat -L -c "%a %Y" "$1"; cat "$1"; touch "$SAME_OUT/done"' },
      });
      succeeded(ran);
      assert.equal(await ran.log('attack'), '444 315619200\nprecious');
    });

    it('in mode copy belong to the step, and the original stays as it was', async () => {
      const ran = await run({
        manifest: attackOn(make, ', mode: copy', 'environment: default'),
        files: { 'attack.sh': 'printf changed > "$1"; cp "$1" "$SAME_OUT/done"; rm "$1"' },
      });
      succeeded(ran);
      assert.equal(await ran.output('attack', 'done'), 'changed');
      assert.equal(await ran.output('make', 'x'), 'precious');
    });

    it('lie at their `at` path below the workdir, in place of a file of the program', async () => {
      const ran = await run({
        manifest: `
pipeline:
  steps:
    make: {run: 'printf fresh > {{outputs.x}}', outputs: {x: {}}}
    use:
      run: 'echo {{inputs.x}}; cat data/x.txt; ls "$SAME_IN" | wc -l'
      workdir: sub
      inputs: {x: {from: make.x, at: data/x.txt}}
`,
        files: { 'sub/data/x.txt': 'stale' },
      });
      succeeded(ran);
      assert.equal((await ran.log('use')).replace(/ +/g, ''), 'data/x.txt\nfresh0\n');
    });
  });
}
