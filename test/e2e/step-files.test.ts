import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync } from 'node:fs';
import { describe, test } from 'node:test';
import { until } from '../components/facts.ts';
import { manifest, openRig } from './rig.ts';

/** Runs a command as nobody, whom permissions bind. */
const asNobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];

describe('logs of a run that goes on', () => {
  test('are shown with secrets masked, line by line', async () => {
    using rig = openRig();
    const key = '-----BEGIN KEY-----\nMIIEvQsecretline\n-----END KEY-----';
    rig.write({
      'study/same.yaml': manifest(
        `run: 'echo "$KEY"; printf "%s" "$KEY"; sleep 60'\nsecrets: [KEY]`,
        'secrets: {KEY: {description: a key}}',
      ),
    });
    const env = { KEY: key };
    const run = rig.start(['run', '-f', 'study'], { env });
    try {
      let shown = '';
      await until('the step printed', async () => {
        shown = (await rig.same(['logs', 'latest'], { env })).stdout;
        return shown !== '';
      });
      assert.equal(shown, '***KEY***\n***KEY***\n***KEY***\n***KEY***\n***KEY***\n');
      const raw = execFileSync('find', [rig.home, '-name', '*stdout*', '-perm', '/077'], {
        encoding: 'utf8',
      });
      assert.equal(raw, '', 'a log that holds a secret is for its owner only');
    } finally {
      run.child.kill('SIGINT');
    }
    await run.ended;
    const after = await rig.same(['logs', 'latest']);
    assert.doesNotMatch(after.stdout, /MIIEvQ|KEY-----/);
  });
});

describe('a step that takes away the right to read', { skip: nobody() }, () => {
  for (const [what, step, code] of [
    ['an output', `run: 'echo x > o; chmod 000 o'\noutputs: {o: {path: o}}`, 'SAME1611'],
    [
      'a directory of an output',
      `run: 'mkdir -p o/d; echo x > o/d/f; chmod 000 o/d'\noutputs: {o: {path: o}}`,
      'SAME1611',
    ],
    ['its report', `run: 'echo {} > metrics.json; chmod 000 metrics.json'`, 'SAME1611'],
    ['the directory of an input', `run: 'chmod 000 in'\ninputs: {d: {data: d, at: in/d}}`, 'SAME1605'],
    [
      'a directory that it added to an input',
      `run: 'mkdir in/new; chmod 000 in/new'\ninputs: {d: {data: t, at: in}}`,
      'SAME1605',
    ],
  ] as const) {
    test(`from ${what} has failed with ${code}`, async () => {
      using rig = openRig();
      rig.write({
        'study/same.yaml': manifest(step, 'data: {d: {uri: d.txt}, t: {uri: t}}'),
        'study/d.txt': 'd',
        'study/t/f.txt': 'f',
      });
      chmodSync(rig.root, 0o777);
      mkdirSync(rig.path('user'));
      chmodSync(rig.path('user'), 0o777);
      const ran = await rig.same(['run', '-f', 'study'], {
        under: asNobody,
        env: { PATH: '/usr/local/bin:/usr/bin:/bin' },
      });
      assert.equal(ran.code, 1, ran.stderr);
      assert.match(ran.stderr, new RegExp(code));
      const left = execFileSync('find', [rig.path('home/work'), '-mindepth', '1'], { encoding: 'utf8' });
      assert.equal(left, '');
    });
  }
});

function nobody(): string | false {
  if (process.getuid?.() !== 0) return 'needs root, to become nobody';
  try {
    execFileSync(asNobody[0]!, [...asNobody.slice(1), 'true'], { stdio: 'ignore' });
    return false;
  } catch {
    return 'setpriv cannot become nobody here';
  }
}
