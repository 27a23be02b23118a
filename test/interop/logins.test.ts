import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { findOras, missing } from '../components/installed.ts';
import { type Registry, startRegistry, unavailable } from '../components/registry.ts';
import { type Ended, openRig, type Rig } from '../e2e/rig.ts';

const noRegistry = unavailable() ?? false;
const oras = findOras();
const noOras = oras ? undefined : 'not on this machine: oras';
const not = (absent: string | undefined): string | false =>
  noRegistry || (process.env.CI ? false : (absent ?? false));

let rig: Rig;
let registry: Registry;
before(async () => {
  if (!noRegistry) registry = await startRegistry();
});
after(async () => registry?.dispose());
beforeEach(() => {
  rig = openRig();
});
afterEach(() => rig[Symbol.dispose]());

const config = (): string => rig.path('user/.docker/config.json');

/** `same login`, the password coming from a file. */
function login(env: Record<string, string> = {}): Promise<Ended> {
  writeFileSync(rig.path('password'), registry.password);
  const { host, user, caFile } = registry;
  return rig.same(['login', host, '--ca', caFile, '-u', user, '--password-stdin'], {
    under: ['sh', '-c', 'exec "$@" <"$0"', rig.path('password')],
    env,
  });
}

/** Another tool's end, with the registry's password on its standard input. */
function tool(command: string, text: string): { status: number | null; stdout: string; stderr: string } {
  const words = text.trim().split(/\s+/);
  return spawnSync(command, words, {
    cwd: rig.root,
    encoding: 'utf8',
    input: registry.password,
    timeout: 60_000,
  });
}

describe('other tools and the same file of logins', { skip: noRegistry }, () => {
  it('skopeo reads what same login stored', { skip: not(missing('skopeo')) }, async () => {
    const look = `inspect --raw --cert-dir ${registry.caDirectory} docker://${registry.host}/lab/none:1`;
    assert.match(tool('skopeo', look).stderr, /authentication required|unauthorized/);
    assert.equal((await login()).code, 0);
    assert.match(tool('skopeo', `${look} --authfile ${config()}`).stderr, /manifest unknown/);
    const { stdout } = tool('skopeo', `login --get-login --authfile ${config()} ${registry.host}`);
    assert.equal(stdout.trim(), registry.user);
  });

  it('oras reads what same login stored', { skip: not(noOras) }, async () => {
    rig.write({ 'empty.json': '{}' });
    const list = `repo ls ${registry.host} --plain-http=false --ca-file ${registry.caFile} --registry-config`;
    assert.notEqual(tool(oras!, `${list} ${rig.path('empty.json')}`).status, 0);
    assert.equal((await login()).code, 0);
    const { status, stderr } = tool(oras!, `${list} ${config()}`);
    assert.equal(status, 0, stderr);
  });

  it('same login keeps and same logout removes what skopeo stored', {
    skip: not(missing('skopeo')),
  }, async () => {
    const file = rig.path('auth.json');
    const env = { REGISTRY_AUTH_FILE: file };
    const words = `login --authfile ${file} --cert-dir ${registry.caDirectory} -u ${registry.user} --password-stdin`;
    assert.equal(tool('skopeo', `${words} ${registry.host}`).status, 0);
    const before = JSON.parse(readFileSync(file, 'utf8'));
    assert.equal((await login(env)).code, 0);
    assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')), before, 'the same under the same key');
    assert.equal((await rig.same(['logout', registry.host], { env })).code, 0);
    assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')), { auths: {} });
  });

  it('same logout removes what oras stored', { skip: not(noOras) }, async () => {
    const words = `login --plain-http=false --ca-file ${registry.caFile} -u ${registry.user} --password-stdin`;
    assert.equal(tool(oras!, `${words} --registry-config ${config()} ${registry.host}`).status, 0);
    const { removed } = (await rig.same(['logout', registry.host, '--json'])).json();
    assert.deepEqual(removed, [{ file: config(), helper: null }]);
    assert.deepEqual(JSON.parse(readFileSync(config(), 'utf8')).auths, {});
  });
});
