import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { openLocalEngine } from '../../src/engines/local/local-engine.ts';
import { openPodmanEngine } from '../../src/engines/podman/podman-engine.ts';
import { unmetInImage } from '../../src/environments/image-commands.ts';
import { SameError } from '../../src/errors/same-error.ts';
import { thisProcess } from '../../src/host/process-identity.ts';
import { until } from '../components/facts.ts';
import { builtFrom, podman, testImage, unavailable, usePodman } from '../components/podman.ts';
import { type Fixture, runFixture } from '../contract/workbench.ts';

const why = unavailable();
usePodman();

const run = (fixture: Fixture, image = testImage()) =>
  runFixture((content) => openPodmanEngine(content), fixture, `image: "${image}"`);

const oneStep = (fields: string, rest = '') =>
  `${rest}\npipeline:\n  steps:\n    main:\n${fields.trim().replace(/^/gm, '      ')}\n`;

/** An image made from the tests' own by more instructions. */
const imageWith = (instructions: string) => builtFrom(() => {}, `FROM ${testImage()}\n${instructions}\n`);

describe('a container', { skip: why ?? false }, () => {
  it('has no network unless its step asks for it', async () => {
    const see = `run: [readlink, /proc/self/ns/net]`;
    const here = readlinkSync('/proc/self/ns/net');
    const without = await run({ manifest: oneStep(see) });
    assert.equal(without.record.status, 'succeeded', JSON.stringify(without.problems));
    assert.notEqual((await without.log('main')).trim(), here);
    const withIt = await run({ manifest: oneStep(`${see}\nnetwork: true`) });
    assert.equal((await withIt.log('main')).trim(), here);
    assert.notEqual(withIt.step('main').cacheKey, without.step('main').cacheKey);
  });

  it('sees of the machine its own directories, inputs read-only, and no more; the image is not written', async () => {
    const ran = await run({
      manifest: `
data: {d: {uri: d.txt}}
pipeline:
  steps:
    main:
      run: 'ls "$SAME_IN/../.."; test ! -e ${import.meta.filename} && echo unseen; for f in /usr/x "$SAME_IN/d" "$SAME_IN/x" data/d.txt; do echo x 2>/dev/null >> $f || echo refused; done; echo x > /var/tmp/x && echo x > "$TMPDIR/x" && echo written'
      inputs: {d: {data: d}, e: {data: d, at: data/d.txt}}
`,
      files: { 'd.txt': 'd' },
    });
    assert.equal(ran.record.status, 'succeeded', JSON.stringify(ran.problems));
    assert.equal(await ran.log('main'), 'attempt\nunseen\nrefused\nrefused\nrefused\nrefused\nwritten\n');
  });

  it('has no capabilities and cannot gain any, and what it writes is the caller’s', async () => {
    const ran = await run({
      manifest: oneStep(
        `run: 'grep -E "^(Cap(Eff|Prm|Bnd)|NoNewPrivs)" /proc/self/status; id -u; echo x > o'\noutputs: {o: {path: o}}`,
      ),
    });
    assert.equal(ran.record.status, 'succeeded', JSON.stringify(ran.problems));
    const zero = '0000000000000000';
    assert.deepEqual((await ran.log('main')).split(/\s+/).filter(Boolean), [
      ...['CapPrm:', zero, 'CapEff:', zero, 'CapBnd:', zero],
      ...['NoNewPrivs:', '1', String(process.getuid?.())],
    ]);
    const blob = ran.content.pathOf(ran.step('main').outputs.o!.digest);
    assert.equal(statSync(blob).uid, process.getuid?.());
  });

  it('is not changed by what its image says of users, entry points and volumes, but has its variables', async () => {
    const image = imageWith(
      'USER 12345\nENTRYPOINT ["/bin/false"]\nCMD ["no"]\nVOLUME /vol\nENV LANG=xx LIBRARY=/lib/x TZ=Mars\nENV PATH=/usr/bin:/own',
    );
    const ran = await run({ manifest: oneStep(`run: [sh, -c, 'id -u; env; ls -d /vol/* | wc -l']`) }, image);
    assert.equal(ran.record.status, 'succeeded', JSON.stringify(ran.problems));
    const lines = (await ran.log('main')).split('\n');
    assert.equal(lines[0], String(process.getuid?.()));
    for (const line of ['LANG=C.UTF-8', 'TZ=UTC', 'LIBRARY=/lib/x', 'PATH=/usr/bin:/own', 'HOSTNAME=same'])
      assert.ok(lines.includes(line), line);
    assert.ok(!lines.some((line) => line.includes(hostname())));
  });

  it('is given secrets that no process shows in its words and podman does not keep', async () => {
    const secret = `correct horse "battery" 'staple' ${process.pid}`;
    let looked = 0;
    let id = '';
    const ran = await run({
      manifest: oneStep(
        `run: 'echo ready; sleep 1; printf %s "$TOKEN" | wc -c'\nsecrets: [TOKEN]`,
        'secrets: {TOKEN: {description: t}}',
      ),
      variables: { TOKEN: secret },
      onEvent(event) {
        if (event.type === 'run-started') id = event.record.id;
        if (event.type !== 'step-output' || !event.lines.includes('ready')) return;
        const words = readdirSync('/proc')
          .filter((name) => /^\d+$/.test(name))
          .map((pid) => {
            try {
              return readFileSync(`/proc/${pid}/cmdline`, 'latin1');
            } catch {
              return '';
            }
          });
        assert.ok(!words.some((line) => line.includes('horse')));
        const name = podman('ps', '--quiet', `--filter=label=same.run=${id}`);
        assert.ok(!podman('inspect', name).includes('horse'));
        looked++;
      },
    });
    assert.equal(ran.record.status, 'succeeded', JSON.stringify(ran.problems));
    assert.equal(looked, 1);
    assert.match(await ran.log('main'), new RegExp(`^ready\\n\\s*${secret.length}\\n$`));
  });

  it('that wants more memory than its step may have ends with SAME1616, and is tried again as any failure', async () => {
    const ran = await run({
      manifest: oneStep(
        `run: [python3, -c, "b'x' * 300000000"]\nresources: {memory: 64Mi, cpu: 1}\nretries: {max: 1, backoff: 1ms, codes: [137]}`,
      ),
    });
    assert.equal(ran.record.status, 'failed');
    assert.deepEqual(ran.codes, ['SAME1616']);
    assert.match(ran.problems[0]!.message, /ran out of memory: it may have 64Mi/);
    assert.equal(ran.step('main').attempts, 2);
    assert.equal(ran.step('main').signal, 'SIGKILL');
    assert.equal(existsSync('oom'), false, 'podman’s monitor left a file where the caller stands');
  });

  it('tells the ends of podman from those of its command', async () => {
    for (const code of [125, 126]) {
      const ran = await run({ manifest: oneStep(`run: 'echo said >&2; exit ${code}'`) });
      assert.deepEqual(ran.codes, ['SAME1601']);
      assert.equal(ran.step('main').exitCode, code);
      assert.equal(await ran.log('main', 'stderr'), 'said\n');
    }
  });

  it('counts its timeout from the start of its command', async () => {
    const ran = await run({
      manifest: oneStep(`run: [sh, -c, 'echo started; sleep 100']\ntimeout: 3s`),
      graceMs: 50,
    });
    assert.equal(ran.record.status, 'timeout');
    assert.equal(await ran.log('main'), 'started\n');
    assert.ok(ran.step('main').usage!.durationMs >= 2990);
  });

  it('writes 64 MiB of any bytes to each of its logs', async () => {
    const bytes = 64 * 2 ** 20;
    const ran = await run({
      manifest: oneStep(
        `run: 'head -c ${bytes} /dev/urandom > r; cat r; cat r >&2; cp r {{outputs.r}}'\noutputs: {r: {}}`,
      ),
    });
    assert.equal(ran.record.status, 'succeeded', JSON.stringify(ran.problems));
    const { outputs, logs } = ran.step('main');
    assert.equal(logs!.stdout.digest, outputs.r!.digest);
    assert.equal(logs!.stderr.digest, outputs.r!.digest);
  });

  it('of a process that died is removed by the next run', async () => {
    const owner = JSON.stringify({ pid: 1, start: '1', boot: 'another', host: thisProcess().host });
    const id = podman(
      'create',
      '--network=none',
      `--label=same.owner=${owner}`,
      testImage(),
      'sleep',
      '1000',
    );
    const ran = await run({ manifest: oneStep(`run: 'true'`) });
    assert.equal(ran.record.status, 'succeeded', JSON.stringify(ran.problems));
    const isThere = () => podman('ps', '--all', '--quiet', '--no-trunc').split('\n').includes(id);
    // Another run of this machine may have begun to remove it before this one.
    await until('it is removed', () => !isThere());
  });
});

describe('an image', { skip: why ?? false }, () => {
  it('beside a lock has the key of the lock: a result is the same on both engines', async () => {
    const version = execFileSync('/usr/bin/python3', [
      '-c',
      'import sys; print("%d.%d" % sys.version_info[:2])',
    ]);
    const manifest = oneStep(
      `run: [python3, -c, "import sys; open(sys.argv[1], 'w').write('%d.%d' % sys.version_info[:2])", "{{outputs.o}}"]\noutputs: {o: {}}`,
      `environments: {default: {python: {version: "${version.toString().trim()}"}, image: "${testImage()}"}}`,
    );
    const boxed = await run({ manifest });
    const plain = await runFixture(openLocalEngine, { manifest });
    for (const ran of [boxed, plain])
      assert.equal(ran.record.status, 'succeeded', JSON.stringify(ran.problems));
    assert.equal(boxed.step('main').cacheKey, plain.step('main').cacheKey);
    assert.deepEqual(boxed.step('main').outputs, plain.step('main').outputs);
    assert.match(boxed.record.environments.default!.key, /^lock:/);
    assert.deepEqual([boxed.record.engine, plain.record.engine], ['podman', 'local']);
    assert.equal(boxed.record.environments.default!.resolved.image, testImage());
  });

  it('is built from a Dockerfile of the program once, and has the key of its files', async () => {
    const fixture = {
      manifest: oneStep(`run: [cat, /made]`, 'environments: {default: {dockerfile: env/Dockerfile}}'),
      files: {
        'env/Dockerfile': `FROM ${testImage()}\nCOPY made-${process.pid} /made\n`,
        [`env/made-${process.pid}`]: 'by hand',
      },
    };
    const first = await run(fixture);
    assert.equal(first.record.status, 'succeeded', JSON.stringify(first.problems));
    assert.equal(await first.log('main'), 'by hand');
    const { key } = first.record.environments.default!;
    const name = `localhost/same-environment:${key.replace('dockerfile:tree:sha256:', '')}-dockerfile`;
    const id = podman('image', 'inspect', '--format={{.Id}}', name);
    const again = await run(fixture);
    assert.equal(again.step('main').cacheKey, first.step('main').cacheKey);
    assert.equal(podman('image', 'inspect', '--format={{.Id}}', name), id);
    podman('rmi', name);
  });

  it('without a command that its environment requires, or with another version, is SAME1701', async () => {
    const requiring = (commands: string) =>
      runFixture((content) => openPodmanEngine(content, { unmetInImage }), {
        manifest: oneStep(
          `run: 'true'`,
          `environments: {default: {image: "${testImage()}", requires: {commands: [${commands}]}}}`,
        ),
      });
    const met = await requiring('sh, "bash >=4", "python3 >=3 <4"');
    assert.equal(met.record.status, 'succeeded', JSON.stringify(met.problems));
    await assert.rejects(requiring('"bash >=99", no-such-command'), (error) => {
      assert.ok(error instanceof SameError);
      assert.match(
        error.message,
        /^SAME1701 command bash in the image: want >=99, have [45]\..*\nSAME1701 command no-such/,
      );
      return true;
    });
  });

  it('that cannot be built or fetched is SAME1502, for another machine SAME1504', async () => {
    const broken = run({
      manifest: oneStep(`run: 'true'`, 'environments: {default: {dockerfile: Dockerfile}}'),
      files: { Dockerfile: `FROM ${testImage()}\nRUN exit 3\n` },
    });
    await assert.rejects(broken, { code: 'SAME1502' });
    const foreign = builtFrom(
      (at) => writeFileSync(join(at, 'x'), ''),
      'FROM scratch\nCOPY x /\n',
      '--arch=s390x',
    );
    await assert.rejects(run({ manifest: oneStep(`run: 'true'`) }, foreign), { code: 'SAME1504' });
    const nowhere = `localhost:1/none@sha256:${'0'.repeat(64)}`;
    await assert.rejects(run({ manifest: oneStep(`run: 'true'`) }, nowhere), { code: 'SAME1502' });
  });
});
