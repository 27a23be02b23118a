import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type Cluster, openCluster } from '../components/cluster/cluster.ts';
import { define } from '../components/cluster/definitions.ts';
import { type Json, type Namespace, openNamespace } from '../components/cluster/namespace.ts';
import { openRig, type Rig } from '../e2e/rig.ts';
import { writeStudy } from './study.ts';

/** What the API knows of an engine, and what it checks of the object that is compiled. */
const engines = {
  argo: {
    kind: 'Workflow',
    cells: 1000,
    without: [],
    checked: (workflow: Json): Json[] => [workflow],
    part: ([workflow]: Json[]) => workflow.spec.templates.find((each: Json) => each.container),
  },
  tekton: {
    kind: 'PipelineRun',
    // More than these it takes for a mistake.
    cells: 256,
    without: ['parallel: 2'],
    // Within a run nothing is known of pipelines and tasks, but it is of these alone.
    checked: (run: Json): Json[] => {
      const alone = (kind: string, name: string, spec: Json): Json => ({
        apiVersion: 'tekton.dev/v1',
        kind,
        metadata: { name },
        spec,
      });
      const { tasks, finally: last = [] } = run.spec.pipelineSpec;
      return [
        run,
        alone('Pipeline', 'whole', run.spec.pipelineSpec),
        ...[...tasks, ...last].map(({ name, taskSpec: { metadata: _, ...spec } }: Json) =>
          alone('Task', name, spec),
        ),
      ];
    },
    part: (objects: Json[]) => objects.at(-1).spec.steps[0],
  },
};

for (const engine of Object.keys(engines) as (keyof typeof engines)[]) {
  const { kind, cells, without, checked, part } = engines[engine];
  describe(`what compile writes for ${engine}, at a real API with its definitions`, {
    timeout: 600_000,
  }, () => {
    let cluster: Cluster;
    let namespace: Namespace;
    before(async () => {
      cluster = await openCluster();
      await define(cluster, engine);
      namespace = await openNamespace(cluster, engine);
    });
    after(async () => {
      await namespace?.dispose();
      await cluster?.dispose();
    });

    const compiled = async (rig: Rig): Promise<Json[]> => {
      const ended = await rig.same(['compile', '-f', 'study', '--engine', engine, '--json']);
      assert.equal(ended.code, 0, ended.stderr);
      return ended.json().objects;
    };

    it('is taken and kept as it is, every field of it', async () => {
      using rig = openRig();
      writeStudy(rig, cluster.busybox, without);
      const written = await rig.same(['compile', '-f', 'study', '--engine', engine, '-o', 'objects.yaml']);
      assert.equal(written.code, 0, written.stderr);
      const file = rig.path('objects.yaml');
      await namespace.kubectl([
        'apply',
        '--server-side',
        '--validate=strict',
        '--dry-run=server',
        '-f',
        file,
      ]);
      const objects = await compiled(rig);
      await namespace.create(objects);
      const sent = objects.filter((object) => object.kind === kind);
      const kept = await namespace.list(kind);
      assert.deepEqual(
        kept.map(({ metadata: { name }, spec }) => ({ name, spec })),
        sent.map(({ metadata: { name }, spec }) => ({ name, spec })),
      );
    });

    it('has no field that there is none of: it would be refused', async () => {
      using rig = openRig();
      writeStudy(rig, cluster.busybox, without);
      const objects = await compiled(rig);
      const object = objects.find((each) => each.kind === kind);
      const known = checked({ ...object, metadata: { name: 'another' } });
      await namespace.create(known, { dryRun: true });
      part(known).nosuch = 'field';
      await assert.rejects(namespace.create(known, { dryRun: true }), /unknown field "spec\..*nosuch"/);
    });

    it(`is taken with ${cells} cells`, async () => {
      using rig = openRig();
      const seeds = Array.from({ length: cells }, (_, seed) => seed).join(', ');
      rig.write({
        'study/same.yaml': `apiVersion: same/v1
kind: Program
metadata: {name: wide, version: "1.0"}
environments: {default: {image: "${cluster.busybox}"}}
pipeline: {steps: {train: {matrix: {seed: [${seeds}]}, run: [echo, "{{matrix.seed}}"]}}}
`,
      });
      const objects = await compiled(rig);
      await namespace.create(objects);
    });
  });
}
