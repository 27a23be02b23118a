import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { startFaultRegistry } from '../components/fault-registry.ts';
import { manifest, openRig } from './rig.ts';

const SECRET = 'p4ss/w0rd+of ada?<&"';
const USER = 'ada-of-the-odd-user-name';
const HOST = 'odd-host-name-of-ada';
const declared = `parameters: {n: {type: integer, default: 1}, note: {type: string, default: none}}
secrets: {TOKEN: {description: a token}, UNSET: {description: another}}`;

/** Files that steps write with the secret in them: outputs and series are the user's content, and go nowhere by themselves. */
const written = {
  list: JSON.stringify([SECRET, 'b']),
  series: `${JSON.stringify({ step: 1, loss: 0.5, [SECRET]: 3 })}\n`,
  report: JSON.stringify({ loss: SECRET }),
};

/** Brings what it knows into everything that is kept of a run, in every form. */
const teller = `import { writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
const token = process.env.TOKEN;
const bytes = Buffer.from(token);
const forms = [token, JSON.stringify(token), encodeURIComponent(token), encodeURIComponent(token).replaceAll('%20', '+'),
  bytes.toString('hex'), bytes.toString('hex').toUpperCase(), bytes.toString('base64url'),
  ...['', 'a', 'ad', 'ada:'].flatMap((before) => ['', '\\n', ';'].map((after) => Buffer.from(before + token + after).toString('base64')))];
for (const form of forms) { console.log('out', form); console.error('err', form); process.stdout.write(form + '\\n'); }
const [what] = process.argv.slice(2);
if (what === 'study') {
  writeFileSync('metrics.jsonl', JSON.stringify({ step: 1, loss: 0.5, [token]: 3 }) + '\\n');
  writeFileSync('list.json', JSON.stringify([token, 'b']));
}
if (what === 'report') writeFileSync('metrics.json', JSON.stringify({ loss: token }));
if (what === 'output') writeFileSync(token.replaceAll('/', ':'), token);
if (what === 'figure') console.log('acc ' + token + ' ' + process.cwd() + ' ' + hostname());
if (what === 'exit') process.exit(3);
if (what === 'timeout') setTimeout(() => {}, 60_000);
`;

const step = (what: string, rest = '') => `run: [node, tell.mjs, ${what}]\nsecrets: [TOKEN]\n${rest}`;

/** Programs whose runs end in every way there is. */
const programs: Record<string, string> = {
  study: manifest(step('study', 'outputs: {list: {path: list.json}}'), declared).replace(
    /$/,
    `    each:
      foreach: main.list
      run: [node, -e, "console.log(process.env.SAME_MATRIX_ITEM)"]
`,
  ),
  exit: manifest(step('exit'), declared),
  output: manifest(step('output', 'outputs: {o: {path: o.txt}}'), declared),
  report: manifest(step('report'), declared),
  start: manifest('run: [./nothing-of-that-name, "{{parameters.note}}"]', declared),
  timeout: manifest(step('timeout', 'timeout: 2s'), declared),
  figure: manifest(step('figure'), `${declared}\nmetrics: {acc: {from: main.stdout, regex: 'acc (\\S+)'}}`),
};

describe('what can leave a home', () => {
  it('holds no secret in any form, no host name, no user name and no path, whatever the steps do', async (t) => {
    using rig = openRig();
    const home = rig.path(`home-of-${USER}`, 'same');
    const registry = await startFaultRegistry({ features: {} });
    t.after(() => registry.dispose());
    const said: { words: string[]; text: string }[] = [];
    const env = {
      SAME_HOME: home,
      HOME: rig.path(`home-of-${USER}`),
      USER,
      LOGNAME: USER,
      TOKEN: SECRET,
    };
    const same = async (words: string[], wanted = 0): Promise<string> => {
      const ended = await rig.same(words, { env, under: underHost(), cwd: rig.path('work-of', USER) });
      said.push({ words, text: ended.stdout + ended.stderr });
      assert.equal(ended.code, wanted, `same ${words.join(' ')}\n${ended.stdout}${ended.stderr}`);
      return ended.stdout;
    };
    for (const [name, text] of Object.entries(programs)) {
      rig.write({
        [`work-of/${USER}/${name}/same.yaml`]: text.replace('name: study', `name: ${name}`),
        [`work-of/${USER}/${name}/tell.mjs`]: teller,
      });
      await same(['create', '-f', name]);
    }
    await same(['run', 'study:1.0']);
    await same(['run', 'study:1.0', '--n=2', '--json']);
    await same(['run', 'study:1.0', `--note=say ${SECRET}`], 2);
    await same(['run', 'study:1.0', '--plan', `--note=say ${SECRET}`, '--json'], 2);
    const failures = Object.keys(programs).slice(1);
    for (const name of failures) {
      const words = name.length % 2 === 0 ? ['--json'] : [];
      await same(['run', `${name}:1.0`, ...words], name === 'report' ? 0 : 1);
    }
    const ids: string[] = JSON.parse(await same(['list', 'runs', '--json'])).items.map(
      ({ id }: { id: string }) => id,
    );
    assert.equal(ids.length, 2 + failures.length);
    for (const [index, id] of ids.entries()) {
      const words = index % 2 === 0 ? ['--json'] : [];
      await same(['show', 'run', id, ...words]);
      await same(['logs', id, ...words]);
    }
    await same(['list', 'runs']);
    await same(['why', 'study:1.0', '--json']);
    await same(['show', 'study:1.0', '--json']);
    const place = `oci://${registry.host}/lab`;
    for (const name of Object.keys(programs)) {
      const own = JSON.parse(await same(['list', 'runs', '-n', name, '--json'])).items;
      const history = own.map(({ id }: { id: string }) => id).join(',');
      await same(['export', '-n', `${name}:1.0`, '--history', history, '-o', `${name}.tgz`, '--json']);
      if (name === 'study' || name === 'figure') {
        await same(['push', `${name}:1.0`, place, '--history', history, '--plain-http', '--json']);
      }
    }

    const forms = formsOf(SECRET);
    const whereabouts = [USER, HOST, hostname(), rig.root].filter((text) => text.length > 3);
    for (const { words, text } of said) lacks(text, forms, `what "same ${words.join(' ')}" said`);
    const files = globSync('**', { cwd: home, withFileTypes: true }).filter((file) => file.isFile());
    const own = new Set(
      Object.values(written).map((text) => createHash('sha256').update(text).digest('hex')),
    );
    let looked = 0;
    for (const file of files) {
      const path = join(file.parentPath, file.name);
      if (own.has(file.name)) continue;
      const text = readFileSync(path, 'latin1');
      // What decides a step's result, byte for byte: here an item of a list that a step wrote. It never leaves.
      if (text.includes('"contract":"same-step/v1"')) continue;
      lacks(text, forms, path);
      if (file.name === 'run.json') lacks(text, whereabouts, path);
      looked++;
    }
    assert.ok(looked > 50, `${looked} files were looked at`);
    const bundles = Object.keys(programs).map((name) => rig.path('work-of', USER, `${name}.tgz`));
    for (const path of bundles) {
      const text = gunzipSync(readFileSync(path)).toString('latin1');
      lacks(text, [...forms, ...whereabouts], path);
    }
    const sent = [...registry.content.repositories.values()].flatMap(({ blobs, manifests }) => [
      ...blobs.values(),
      ...[...manifests.values()].map(({ bytes }) => bytes),
    ]);
    assert.ok(sent.length > 10, `${sent.length} objects are in the registry`);
    for (const bytes of sent) lacks(bytes.toString('latin1'), [...forms, ...whereabouts], 'what was pushed');
    for (const { path, headers } of registry.log)
      lacks(`${path}\n${JSON.stringify(headers)}`, [...forms, ...whereabouts], path);
  });
});

describe('what the caller and the program say of a run', () => {
  it('is recorded byte for byte, gone on with as it was, and found again', async () => {
    using rig = openRig();
    const env = { HOME: rig.path('user') };
    const [given, cell] = [rig.path('user', 'other.csv'), rig.path('user', 'a')];
    rig.write({
      'p/same.yaml': manifest(
        `run: 'echo {{parameters.uri}} {{matrix.at}} > {{outputs.o}}; exit {{parameters.code}}'
matrix: {at: [${cell}, ~/a]}
code: [x.txt]
outputs: {o: {}}`,
        'parameters: {uri: {type: string, default: none}, code: {type: integer, default: 0}}',
      ),
      'p/x.txt': 'one',
    });
    const same = async (...words: string[]) => {
      const ended = await rig.same([...words, '--json'], { env });
      return { ...ended, said: ended.json() };
    };
    const first = await same('run', '-f', 'p', `--uri=${given}`);
    assert.equal(first.code, 0, first.stderr);
    assert.equal(first.said.parameters.uri.value, given);
    assert.deepEqual(
      first.said.steps.map((step: { matrix: object }) => step.matrix),
      [{ at: cell }, { at: '~/a' }],
    );
    const failed = await same('run', '-f', 'p', `--uri=${given}`, '--code=1');
    const retried = await same('retry', failed.said.id);
    assert.equal(retried.said.resumes, failed.said.id, retried.stderr);
    assert.equal(retried.said.parameters.uri.value, given);
    rig.write({ 'p/x.txt': 'two' });
    const { steps } = (await same('why', '-f', 'p', `--uri=${given}`)).said;
    assert.deepEqual(
      steps.map(({ changes }: { changes?: { what: string }[] }) => changes?.map(({ what }) => what)),
      [['code x.txt'], ['code x.txt']],
    );
  });
});

/** A secret as programs print it. */
function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret);
  const hex = bytes.toString('hex');
  const inside = [0, 1, 2].map((before) =>
    Buffer.concat([Buffer.alloc(before), bytes])
      .toString('base64')
      .slice(Math.ceil((before * 8) / 6), Math.floor(((before + bytes.length) * 8) / 6)),
  );
  return [
    secret,
    JSON.stringify(secret).slice(1, -1),
    encodeURIComponent(secret),
    encodeURIComponent(secret).replaceAll('%20', '+'),
    hex,
    hex.toUpperCase(),
    ...inside,
    ...inside.map((text) => text.replaceAll('+', '-').replaceAll('/', '_')),
  ];
}

function lacks(text: string, forms: readonly string[], what: string): void {
  for (const form of forms) {
    const at = text.indexOf(form);
    assert.equal(at, -1, `${form} is in ${what}: ${text.slice(Math.max(0, at - 200), at + 200)}`);
  }
}

/** Gives the command a host name of its own, where this user may. */
function underHost(): string[] {
  const words = ['unshare', '-u', 'sh', '-c', `echo ${HOST} > /proc/sys/kernel/hostname; exec "$@"`, 'sh'];
  try {
    execFileSync(words[0]!, [...words.slice(1), 'true'], { stdio: 'ignore' });
    return words;
  } catch {
    return [];
  }
}
