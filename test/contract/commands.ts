import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { oneStep, type RunFixture, succeeded } from './steps.ts';

/** Words and streams of commands (spec chapter step-contract). */
export function commandsContract(name: string, run: RunFixture): void {
  describe(`engine ${name}: commands`, () => {
    it('give every value to the command as it is, in a list and in a shell', async () => {
      const values = [
        `it's`,
        '$HOME `id` $(id)',
        '* ? ~',
        '; rm -rf x &',
        'a\nb',
        '',
        ' ',
        '--flag',
        '\\',
        '"',
        'ü\u{1f600}',
      ];
      for (const value of values) {
        const ran = await run({
          manifest: `
parameters: {p: {type: string, default: ""}}
pipeline:
  steps:
    list: {run: [printf, '<%s>', '{{parameters.p}}', 'x{{parameters.p}}y']}
    text: {run: "printf '<%s>' {{parameters.p}} x{{parameters.p}}y"}
`,
          set: [`p=${value}`],
        });
        succeeded(ran);
        assert.equal(await ran.log('list'), `<${value}><x${value}y>`);
        assert.equal(await ran.log('text'), `<${value}><x${value}y>`);
      }
    });

    it('get {{flags}} as words', async () => {
      const ran = await run({
        manifest: `
parameters: {epochs: {type: integer, default: 1}, name: {type: string, default: "a b"}, cuda: {type: boolean, default: true}, off: {type: boolean, default: false}, none: {type: [string, 'null'], default: null}}
pipeline:
  steps:
    list: {run: [printf, '<%s>', '{{flags}}']}
    text: {run: "printf '<%s>' {{flags}}"}
`,
      });
      succeeded(ran);
      for (const step of ['list', 'text'])
        assert.equal(await ran.log(step), '<--cuda><--epochs=1><--name=a b>');
    });

    it('keep both streams byte for byte and apart', async () => {
      const ran = await run({
        manifest: oneStep(`run: [sh, -c, "printf '\\\\000\\\\377\\\\r\\\\n'; printf err >&2"]`),
      });
      succeeded(ran);
      const { digest } = ran.step('main').logs!.stdout;
      assert.deepEqual(await ran.content.read(digest), Buffer.from([0, 255, 13, 10]));
      assert.equal(await ran.log('main', 'stderr'), 'err');
    });

    it('may print 64 MiB: all of it is in the log, and only the last lines are events', async () => {
      const ran = await run({
        manifest: oneStep(`run: "head -c 67108864 /dev/zero | tr '\\\\0' x; echo; echo the end"`),
      });
      succeeded(ran);
      assert.equal(ran.step('main').logs!.stdout.sizeBytes, 67_108_864 + 9);
      const shown = ran.events.flatMap((event) => (event.type === 'step-output' ? event.lines : []));
      assert.ok(shown.reduce((sum, line) => sum + line.length, 0) < 8 * 2 ** 20);
      assert.equal(shown.at(-1), 'the end');
    });

    it('show a last line that has no line feed', async () => {
      const ran = await run({ manifest: oneStep(`run: 'printf "one\\ntwo"'`) });
      const shown = ran.events.flatMap((event) => (event.type === 'step-output' ? event.lines : []));
      assert.deepEqual(shown, ['one', 'two']);
    });
  });
}
