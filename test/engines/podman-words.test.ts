import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { LocalContentStore } from '../../src/content/content-store.ts';
import { openMemoryContentStore } from '../../src/content/memory-content-store.ts';
import { openLocalEngine } from '../../src/engines/local/local-engine.ts';
import { type Container, containerWords } from '../../src/engines/podman/container-words.ts';
import { imageName } from '../../src/engines/podman/images.ts';
import { launch } from '../../src/engines/podman/launch.ts';
import { missingPodman } from '../../src/engines/podman/podman.ts';
import { podmanRefusals } from '../../src/engines/podman/refusals.ts';
import type { Plan } from '../../src/pipeline/plan.ts';

const container: Container = {
  name: 'same-0123456789ab-main-1',
  image: 'abc',
  labels: { 'same.run': 'r' },
  argv: ['sh', '-c', 'exit 3'],
  variables: { PATH: '/bin', TEXT: 'a b\nc' },
  workdir: '/w/work',
  mounts: [
    { path: '/w', readOnly: false },
    { path: '/w/in, "x"', readOnly: true },
  ],
  network: false,
  user: { uid: 0, gid: 0 },
  limits: { sharedMemoryBytes: 1024 },
  pidFile: '/b/pid',
};

describe('the words of podman that run a container', () => {
  const words = containerWords(container);

  it('end with the image and the words after the command', () => {
    assert.deepEqual(words.slice(-4), ['--entrypoint=["sh"]', 'abc', '-c', 'exit 3']);
  });

  it('give it no network, no rights, no image of its own making and no variable but its own', () => {
    for (const word of [
      '--network=none',
      '--cap-drop=all',
      '--security-opt=no-new-privileges',
      '--read-only',
      '--pull=never',
      '--image-volume=ignore',
      '--no-healthcheck',
      '--http-proxy=false',
      '--unsetenv-all',
      '--env=PATH=/bin',
      '--env=TEXT=a b\nc',
    ])
      assert.ok(words.includes(word), word);
    assert.equal(words.filter((word) => word.startsWith('--env=')).length, 2);
  });

  it('mount its directories under their own paths, whatever these are called', () => {
    assert.deepEqual(
      words.filter((word) => word.startsWith('--mount=')),
      ['--mount=type=bind,src=/w,dst=/w', '--mount=type=bind,"src=/w/in, ""x""","dst=/w/in, ""x""",ro=true'],
    );
  });

  it('have a user other than root stand for himself', () => {
    assert.ok(!words.some((word) => word.startsWith('--userns')));
    const user = containerWords({ ...container, user: { uid: 1000, gid: 100 } });
    assert.ok(user.includes('--userns=keep-id'));
    assert.ok(user.includes('--user=1000:100'));
  });

  it('limit cpu and memory where that is asked for, without swap', () => {
    assert.ok(!words.some((word) => /^--(cpus|memory|ulimit)/.test(word)));
    const limited = containerWords({
      ...container,
      limits: {
        sharedMemoryBytes: 1,
        cpu: 1.5,
        memoryBytes: 2 ** 26,
        openFiles: [10, 20],
        processes: 30,
      },
    });
    for (const word of [
      '--cpus=1.5',
      '--memory=67108864b',
      '--memory-swap=67108864b',
      '--shm-size=1b',
      '--ulimit=nofile=10:20',
      '--ulimit=nproc=30:30',
    ])
      assert.ok(limited.includes(word), word);
  });
});

describe('a command in an image', () => {
  it('is executed as it is when it is a list', () => {
    assert.deepEqual(launch({ exec: ['a', 'b c'] }, { secrets: {}, mark: '/m' }), { argv: ['a', 'b c'] });
  });

  it('is run by the shell that the image has when it is a string', () => {
    const { argv } = launch({ shell: 'a | b' }, { secrets: {}, mark: '/m x' });
    assert.deepEqual([argv[0], argv[1], argv.at(-1)], ['sh', '-c', 'a | b']);
    assert.match(argv[2]!, /exec bash -o pipefail -c "\$1"; : > '\/m x'; exec sh -c "\$1"$/);
  });

  it('gets secrets by standard input, no word of it holds one', () => {
    const { argv, input } = launch({ exec: ['a'] }, { secrets: { TOKEN: "it's\n$x" }, mark: '/m' });
    assert.ok(!argv.join(' ').includes('$x'));
    assert.equal(input, "TOKEN='it'\\''s\n$x'; export TOKEN\n");
  });
});

describe('an image that is built', () => {
  it('is called by the digest of its files and by its Dockerfile', () => {
    const context = { digest: `tree:sha256:${'a'.repeat(64)}`, place: async () => {} };
    const name = (dockerfile: string) => imageName({ dockerfile, context, requires: [] });
    assert.equal(name('Dockerfile'), `localhost/same-environment:${'a'.repeat(64)}-dockerfile`);
    assert.notEqual(name('Dockerfile.gpu'), name('Dockerfile'));
  });
});

describe('what an engine cannot honour', () => {
  const plan = (environment: object, resources: object = {}) =>
    ({
      environments: { default: environment },
      steps: [{ name: 's', group: 'steps', selected: 'run', resources, secrets: [] }],
    }) as unknown as Plan;
  const refused = (given: Plan) =>
    podmanRefusals(given)
      .filter(({ code }) => code === 'SAME1016')
      .map(({ message }) => message);

  it('is refused by podman with field and engine: an environment without an image, a device', () => {
    assert.match(
      refused(plan({ system: true })).join(),
      /^environments\.default\.system .*not supported by engine podman/,
    );
    assert.match(refused(plan({ python: { version: '3.11' } })).join(), /^environments\.default\.python /);
    assert.deepEqual(refused(plan({ python: { version: '3.11' }, image: 'x' })), []);
    assert.deepEqual(refused(plan({ dockerfile: 'Dockerfile' })), []);
    assert.match(
      refused(plan({ image: 'x' }, { gpu: { count: 1 } })).join(),
      /^pipeline\.steps\.s\.resources\.gpu /,
    );
    assert.deepEqual(refused(plan({ image: 'x' }, { gpu: { count: 1, optional: true } })), []);
  });

  it('is refused by local with field and engine: an image alone', () => {
    const local = openLocalEngine(openMemoryContentStore() as unknown as LocalContentStore);
    for (const field of ['image', 'dockerfile']) {
      const [finding] = local.refusals(plan({ [field]: 'x' }));
      assert.equal(finding?.code, 'SAME1016');
      assert.match(finding!.message, new RegExp(`^environments\\.default\\.${field} .*engine local`));
    }
    assert.deepEqual(local.refusals(plan({ python: { version: '3.11' }, image: 'x' })), []);
  });

  it('is all of it where there is no podman, which is said with what to do', () => {
    const [finding] = missingPodman('/nowhere');
    assert.equal(finding?.code, 'SAME1702');
    assert.match(finding!.hint!, /install podman/);
  });
});
