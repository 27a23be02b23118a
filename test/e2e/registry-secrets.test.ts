import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { until } from '../components/facts.ts';
import { type Misdeed, on, redirect } from '../components/faults.ts';
import { BLOBS, held, openLab } from './fault-lab.ts';

describe('a secret', () => {
  const user = { username: 'ada', password: 'S3CRET-of-ada-lovelace' };
  const gate = { kind: 'token', ...user, methods: ['GET'] } as const;
  /** The command becomes the shell's own process: a signal reaches it. */
  const fromStdin = ['sh', '-c', 'exec "$@" < login', 'sh'];

  it('shows in no output, record, file of the home or process list, whatever the registry does', async () => {
    await using lab = await openLab(gate);
    const { registry, rig } = lab;
    const said: string[] = [];
    const echo = (status: number): Misdeed => ({
      instead: ({ headers }) => ({
        status,
        body: Buffer.from(
          JSON.stringify({
            errors: [{ code: 'ECHO', message: `${headers.authorization} ${user.password}` }],
          }),
        ),
      }),
    });
    const attempt = async (
      words: string[],
      home = rig.home,
      password = user.password,
    ): Promise<number | null> => {
      const login = ['-u', user.username, '--password-stdin'];
      rig.write({ login: password });
      const ended = await lab.same([...words, ...login], { under: fromStdin, env: { SAME_HOME: home } });
      said.push(ended.stdout, ended.stderr);
      return ended.code;
    };
    const push = ['push', 'study:1.0', lab.place];
    assert.equal(await attempt(push, rig.home, 'Wr0ng-password'), 6);
    assert.ok(!said.join('').includes('Wr0ng-password'));
    registry.script(on('POST', /uploads/, echo(403)));
    assert.equal(await attempt(push), 6);
    registry.script(on('GET', /^\/token/, echo(401)));
    assert.equal(await attempt([...push, '--json']), 6);
    registry.script(on('HEAD', BLOBS, { ...held, early: false }));
    const { child, ended } = rig.start([...push, '--plain-http', '-u', 'ada', '--password-stdin'], {
      under: fromStdin,
    });
    await until('a request waits', () => registry.faults.length === 0);
    for (const name of globSync('/proc/[0-9]*/cmdline')) said.push(readIfThere(name));
    child.kill('SIGTERM');
    await ended;
    assert.equal(await attempt(push), 0);
    registry.script(on('GET', BLOBS, redirect(registry.origin.elsewhere)));
    assert.equal(await attempt(['pull', lab.place], rig.path('reader')), 0);
    assert.ok(registry.log.some(({ listener }) => listener === 'elsewhere'));
    for (const { listener, headers } of registry.log) {
      if (listener === 'elsewhere') assert.equal(headers.authorization, undefined);
    }
    const files = globSync('{home,reader}/**', { cwd: rig.root, withFileTypes: true }).filter((file) =>
      file.isFile(),
    );
    assert.ok(files.length > 10);
    for (const file of files) said.push(readFileSync(join(file.parentPath, file.name), 'latin1'));
    assert.ok(registry.secrets().length > 3, 'passwords and tokens');
    for (const secret of [...registry.secrets(), 'S1GNED']) {
      assert.ok(
        !said.some((text) => text.includes(secret)),
        `${secret} shows in ${said.find((text) => text.includes(secret))?.slice(0, 500)}`,
      );
    }
  });
});

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
