import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, symlinkSync } from 'node:fs';
import { describe, it } from 'node:test';
import { podman, testImage, unavailable, usePodman } from '../components/podman.ts';
import { openRig } from './rig.ts';

const why = unavailable();
usePodman();

const VERSION = 'import sys; print("%d.%d" % sys.version_info[:2])';

/** A program whose environment is a python, by its lock and as an image. */
function program(): string {
  const version = execFileSync('/usr/bin/python3', ['-c', VERSION], { encoding: 'utf8' }).trim();
  return `apiVersion: same/v1
kind: Program
metadata: {name: boxed, version: "1"}
environments: {default: {python: {version: "${version}"}, image: "${testImage()}"}}
pipeline:
  steps:
    make: {run: [python3, -c, "open('o', 'w').write('made')"], outputs: {o: {path: o}}}
`;
}

describe('a result', { skip: why ?? false }, () => {
  const ways: [first: string[], second: string[]][] = [
    [['--engine', 'podman'], []],
    [[], ['--target', 'podman']],
  ];
  for (const [first, second] of ways) {
    it(`of a run ${first.join(' ') || 'without containers'} stands in for one ${second.join(' ') || 'without'}`, async () => {
      using rig = openRig();
      rig.write({ 'p/same.yaml': program() });
      const made = await rig.same(['run', 'program', '-f', 'p', '--json', ...first]);
      assert.equal(made.code, 0, made.stderr);
      const again = await rig.same(['run', 'program', '-f', 'p', '--json', ...second]);
      assert.equal(again.code, 0, again.stderr);
      const [one, two] = [made.json(), again.json()];
      const [was, is] = [one.steps[0], two.steps[0]];
      assert.deepEqual([was.cached, is.cached], [false, true]);
      assert.equal(is.cacheKey, was.cacheKey);
      assert.deepEqual(is.outputs, was.outputs);
      assert.notEqual(one.engine, two.engine);
      assert.equal(podman('ps', '--all', '--quiet', `--filter=label=same.run=${one.id}`), '');
    });
  }
});

describe('the engine podman', () => {
  it('is refused with what to do where there is none, before anything runs', async () => {
    using rig = openRig();
    rig.write({
      'p/same.yaml': `apiVersion: same/v1
kind: Program
metadata: {name: boxed, version: "1"}
environments: {default: {image: "example.org/x@sha256:${'0'.repeat(64)}"}}
pipeline: {steps: {s: {run: [a]}}}
`,
      'bin/keep': '',
    });
    for (const name of ['sh', 'git']) symlinkSync(`/usr/bin/${name}`, rig.path('bin', name));
    const { code, stderr } = await rig.same(['run', 'program', '-f', 'p', '--engine', 'podman'], {
      env: { PATH: rig.path('bin') },
    });
    assert.equal(code, 6, stderr);
    assert.match(stderr, /SAME1702 engine podman is not available: there is no podman/);
    assert.match(stderr, /install podman .*--engine local/);
    const listed = await rig.same(['list', 'runs', '--json']);
    assert.deepEqual(listed.json().items, []);
  });
});

/** Logs as a client of MLflow does, and says where it was told to. */
const LOGS = `
import json, os, urllib.request
uri, run_id = os.environ.get("MLFLOW_TRACKING_URI"), os.environ.get("MLFLOW_RUN_ID")
def post(path, **body):
    data = json.dumps({"run_id": run_id, **body}).encode()
    urllib.request.urlopen(urllib.request.Request(uri + "/api/2.0/mlflow/" + path, data, method="POST"), timeout=60)
if uri:
    for step in range(3):
        post("runs/log-metric", key="loss", value=1 / (step + 1), step=step, timestamp=1)
    post("runs/log-parameter", key="lr", value="0.1")
    put = uri + "/api/2.0/mlflow-artifacts/artifacts/" + run_id + "/artifacts/notes.txt"
    urllib.request.urlopen(urllib.request.Request(put, b"hello", method="PUT"), timeout=60)
open("told", "w").write("yes" if uri else "no")
`;

describe('what a step in a container logs by the protocol of MLflow', { skip: why ?? false }, () => {
  it('comes into the record of its run where it may use the network, and it is told of no address where not', async () => {
    using rig = openRig();
    const step = (network: boolean) =>
      `{run: [python3, log.py], network: ${network}, outputs: {told: {path: told}}}`;
    rig.write({
      'p/log.py': LOGS,
      'p/same.yaml': `apiVersion: same/v1
kind: Program
metadata: {name: logging, version: "1"}
environments: {default: {image: "${testImage()}"}}
pipeline:
  steps:
    open: ${step(true)}
    closed: ${step(false)}
`,
    });
    const ran = await rig.same(['run', 'program', '-f', 'p', '--engine', 'podman', '--json']);
    assert.equal(ran.code, 0, ran.stderr);
    const { id, steps, metrics } = ran.json();
    const logged = (name: string) => steps.find((one: { name: string }) => one.name === name).logged;
    assert.deepEqual(logged('open').parameters, { lr: '0.1' });
    assert.equal(logged('open').artifacts.sizeBytes, 5);
    assert.equal(logged('closed'), undefined);
    assert.deepEqual(
      metrics.map(({ name, step, value, count }: Record<string, unknown>) => [name, step, value, count]),
      [['loss', 'open', 1 / 3, 3]],
    );
    const got = await rig.same(['get', 'run', id, '-o', 'got']);
    assert.equal(got.code, 0, got.stderr);
    const told = ['open', 'closed'].map((name) => readFileSync(rig.path('got', name, 'told'), 'utf8'));
    assert.deepEqual(told, ['yes', 'no']);
  });
});
