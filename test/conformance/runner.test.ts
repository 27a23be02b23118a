import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, describe, it } from 'node:test';

const main = resolve(import.meta.dirname, '../../conformance/runner/main.ts');
const directory = mkdtempSync(join(tmpdir(), 'conformance-test-'));
after(() => rmSync(directory, { recursive: true, force: true }));

const DIGEST = `sha256:${'0'.repeat(64)}`;

/** A case about the digest of nothing, with anything set against it. */
function digestCase(changes: object = {}): Record<string, unknown> {
  return {
    name: 'Nothing has a digest',
    clauses: ['SAME-BND-010'],
    verb: 'digest',
    input: { bytes: { text: '' } },
    expect: { result: { digest: DIGEST } },
    ...changes,
  };
}

/** Writes case files, by path below a directory of their own. */
function casesOf(files: Record<string, unknown>): string {
  const root = mkdtempSync(join(directory, 'cases-'));
  for (const [path, document] of Object.entries(files)) {
    mkdirSync(join(root, path, '..'), { recursive: true });
    writeFileSync(join(root, path), typeof document === 'string' ? document : JSON.stringify(document));
  }
  return root;
}

/** One file of cases of the chapter bundle. */
const bundleCases = (...cases: object[]) => casesOf({ 'bundle/a.json': { chapter: 'bundle', cases } });

/** An adapter that is a script for node; `request` is what it was asked, `say` prints a reply. */
function adapter(script: string): string {
  const file = join(mkdtempSync(join(directory, 'adapter-')), 'adapter.mjs');
  writeFileSync(
    file,
    `import { readFileSync } from 'node:fs';
const request = JSON.parse(readFileSync(0, 'utf8'));
const say = (reply) => process.stdout.write(JSON.stringify(reply));
${script}`,
  );
  return `'${process.execPath}' ${file}`;
}

const digestAdapter = (digest: string) => adapter(`say({ ok: true, result: { digest: '${digest}' } });`);

function run(...words: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...words], {
    encoding: 'utf8',
    timeout: 60_000,
  });
  return { status, stdout, stderr, last: stdout.trimEnd().split('\n').at(-1) };
}

describe('the conformance runner', () => {
  it('passes a reply that is as expected, and exits with 0', () => {
    const { status, last } = run('--cases', bundleCases(digestCase()), '--adapter', digestAdapter(DIGEST));
    assert.deepEqual({ status, last }, { status: 0, last: 'conformance: 1 passed, 0 failed, 0 skipped' });
  });

  it('fails another reply with what was expected and what came, and exits with 1', () => {
    const { status, stdout, last } = run(
      '--cases',
      bundleCases(digestCase()),
      '--adapter',
      digestAdapter('other'),
    );
    assert.equal(status, 1);
    assert.match(stdout, /^fail bundle\/a: Nothing has a digest \[digest; SAME-BND-010\]/m);
    assert.match(stdout, /\/digest: expected "sha256:0+", got "other"/);
    assert.equal(last, 'conformance: 0 passed, 1 failed, 0 skipped');
  });

  it('asks each adapter once for each case, in an empty directory', () => {
    const echo = adapter(`import { readdirSync } from 'node:fs';
say({ ok: true, result: { digest: readdirSync('.').length === 0 && request.protocol === 1 ? '${DIGEST}' : 'no' } });`);
    const cases = bundleCases(digestCase(), digestCase({ name: 'Nothing has the same digest again' }));
    const { status, last } = run('--cases', cases, '--adapter', echo, '--adapter', echo, '--jobs', '3');
    assert.deepEqual({ status, last }, { status: 0, last: 'conformance: 4 passed, 0 failed, 0 skipped' });
  });

  it('gives adapters text or base64 for every form of a byte string', () => {
    const echo = adapter(`say({ ok: true, result: { digest: JSON.stringify(request.input.bytes) } });`);
    const bytes = { concat: [{ hex: 'ff' }, { repeat: { text: 'ab' }, times: 2 }] };
    const cases = bundleCases(
      digestCase({ input: { bytes }, expect: { contains: { digest: '{"base64":"/2FiYWI="}' } } }),
      digestCase({
        name: 'Text stays text in requests',
        input: { bytes: { concat: [{ text: 'a' }, { hex: '62' }] } },
        expect: { contains: { digest: '{"text":"ab"}' } },
      }),
    );
    assert.equal(run('--cases', cases, '--adapter', echo).status, 0);
  });

  it('counts what an adapter does not support and what is disabled as skipped', () => {
    const cases = bundleCases(digestCase(), digestCase({ name: 'Not to be run', disabled: 'for this test' }));
    const both = ['--adapter', adapter(`say({ unsupported: 'no' });`), '--adapter', digestAdapter(DIGEST)];
    const { status, stdout, last } = run('--cases', cases, ...both);
    assert.equal(last, 'conformance: 1 passed, 0 failed, 3 skipped');
    assert.equal(status, 0);
    assert.match(stdout, /0 pass +0 fail +0 error +1 skip +1 disabled/);
  });

  it('does not pass when everything was skipped', () => {
    const { status } = run(
      '--cases',
      bundleCases(digestCase()),
      '--adapter',
      adapter(`say({ unsupported: 'no' });`),
    );
    assert.equal(status, 1);
  });

  const broken: Record<string, [script: string, why: RegExp]> = {
    'crashes with a reply on its lips': [
      `say({ ok: true, result: { digest: '${DIGEST}' } }); process.exitCode = 3; console.error('oh no');`,
      /ended with exit code 3\n +oh no/,
    ],
    'is killed': [`process.kill(process.pid, 'SIGKILL');`, /was killed by SIGKILL/],
    'says nothing': ['', /there is no reply/],
    'says more than one document': [
      `say({ ok: true, result: {} }); say({ ok: true, result: {} });`,
      /the reply is not one JSON document/,
    ],
    'says anything but JSON': [`console.log('all well');`, /the reply is not one JSON document: "all well/],
    'says bytes that are no text': [
      `process.stdout.write(Buffer.from('ff', 'hex'));`,
      /the reply is not UTF-8/,
    ],
    'says ok without a result': [`say({ ok: true });`, /says ok and must have a result/],
    'refuses without a finding': [`say({ ok: false, findings: [] });`, /must have findings/],
    'says a member of its own': [`say({ ok: true, result: {}, more: 1 });`, /has an unknown member "more"/],
  };
  for (const [name, [script, why]] of Object.entries(broken)) {
    it(`calls it an error when an adapter ${name}`, () => {
      const { status, stdout } = run('--cases', bundleCases(digestCase()), '--adapter', adapter(script));
      assert.equal(status, 1);
      assert.match(stdout, /^error bundle\/a: Nothing has a digest/m);
      assert.match(stdout, why);
    });
  }

  it('kills an adapter that hangs, with what it started', () => {
    const mark = join(directory, 'mark');
    const hanging = adapter(`import { spawn } from 'node:child_process';
const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'inherit' });
(await import('node:fs')).writeFileSync(${JSON.stringify(mark)}, String(child.pid));
setInterval(() => {}, 1000);`);
    const { status, stdout } = run(
      '--cases',
      bundleCases(digestCase()),
      '--adapter',
      hanging,
      '--timeout',
      '2',
    );
    assert.equal(status, 1);
    assert.match(stdout, /no reply in 2 s/);
    const child = Number(readFileSync(mark, 'utf8'));
    // Nobody may reap it here: what is left of it then is a zombie.
    const state = existsSync(`/proc/${child}/stat`) ? readFileSync(`/proc/${child}/stat`, 'utf8') : ') X';
    assert.match(state, /\) [XZ]/);
  });

  it('calls it an error when an adapter cannot be started', () => {
    const { status, stdout } = run('--cases', bundleCases(digestCase()), '--adapter', '/nowhere/adapter');
    assert.equal(status, 1);
    assert.match(stdout, /cannot be started/);
  });

  it('writes a report as JSON and as JUnit', () => {
    const report = join(directory, 'report');
    run('--cases', bundleCases(digestCase()), '--adapter', digestAdapter('<&"\u0001'), '--report', report);
    const { counts, results } = JSON.parse(readFileSync(join(report, 'report.json'), 'utf8'));
    assert.deepEqual(counts, { pass: 0, fail: 1, error: 0, skip: 0, disabled: 0 });
    assert.equal(results[0].case, 'bundle/a: Nothing has a digest');
    const junit = readFileSync(join(report, 'junit.xml'), 'utf8');
    assert.match(junit, /<testsuite name="[^"]+ bundle" tests="1" failures="1" errors="0" skipped="0"/);
    assert.match(junit, /<failure message="[^"<]*&lt;&amp;[^"<]*"\/>/);
  });

  it('runs only cases that a filter finds, by name, verb or clause', () => {
    const other = digestCase({ name: 'Another case about a digest', clauses: ['SAME-BND-011'] });
    const cases = bundleCases(digestCase(), other);
    for (const text of ['BND-011', 'bundle/a: Another'])
      assert.match(
        run('--cases', cases, '--adapter', digestAdapter(DIGEST), '--filter', text).last!,
        / 1 passed/,
      );
  });
});

describe('the conformance runner refuses, with exit code 2,', () => {
  const good = ['--adapter', "'true'"];
  const refused: Record<string, { words?: string[]; files?: Record<string, unknown>; why: RegExp }> = {
    'to run without an adapter': { words: [], why: /say what to test/ },
    'options that it does not know': { words: [...good, '--jbos', '2'], why: /--jbos/ },
    'a number of jobs that is none': { words: [...good, '--jobs', '0'], why: /--jobs must be a number/ },
    'a filter that finds nothing': { words: [...good, '--filter', 'nowhere'], why: /no case has "nowhere"/ },
    'coverage of a part': { words: [...good, '--filter', 'a', '--coverage'], why: /--coverage needs all/ },
    'a directory without cases': { files: {}, why: /no cases in/ },
    'a file that is not JSON': { files: { 'bundle/a.json': '{' }, why: /bundle\/a\.json: .*JSON/ },
    'a member that the schema does not have': {
      files: { 'bundle/a.json': { chapter: 'bundle', cases: [digestCase({ skip: true })] } },
      why: /bundle\/a\.json \/cases\/0: has an unknown member "skip"/,
    },
    'an input that is another verb’s': {
      files: { 'bundle/a.json': { chapter: 'bundle', cases: [digestCase({ input: { text: 'a' } })] } },
      why: /\/cases\/0\/input/,
    },
    'two expectations at once': {
      files: {
        'bundle/a.json': {
          chapter: 'bundle',
          cases: [digestCase({ expect: { result: { digest: DIGEST }, findings: [] } })],
        },
      },
      why: /\/cases\/0\/expect: fits more than one/,
    },
    'two cases of one name': {
      files: { 'bundle/a.json': { chapter: 'bundle', cases: [digestCase(), digestCase()] } },
      why: /two cases are called "Nothing has a digest"/,
    },
    'a chapter in the directory of another': {
      files: { 'claims/a.json': { chapter: 'bundle', cases: [digestCase()] } },
      why: /is bundle, in the directory claims/,
    },
  };
  for (const [name, { words = good, files, why }] of Object.entries(refused)) {
    it(name, () => {
      const cases = files ? casesOf(files) : bundleCases(digestCase());
      const { status, stderr } = run('--cases', cases, ...words);
      assert.equal(status, 2);
      assert.match(stderr, why);
    });
  }
});
