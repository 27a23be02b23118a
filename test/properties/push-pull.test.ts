import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { copyProgram } from '../../src/operations/copy-program.ts';
import { exportProgram } from '../../src/operations/export-program.ts';
import { importBundle } from '../../src/operations/import-bundle.ts';
import type { Ports } from '../../src/operations/ports.ts';
import { pullProgram } from '../../src/operations/pull-program.ts';
import { pushProgram } from '../../src/operations/push-program.ts';
import { verifyIntegrity } from '../../src/operations/verify-integrity.ts';
import { digestOf } from '../components/fault-content.ts';
import { type FaultRegistry, startFaultRegistry } from '../components/fault-registry.ts';
import { holds } from './campaign.ts';
import { choice, chosenOf, fill, NAME, state } from './filled-homes.ts';
import { everythingBelow, inDirectory, openHome } from './homes.ts';

const access = { plainHttp: true };

/** What a home holds: blobs, what refers to what, and names, without when and where from. */
function heldBy({ content, referrers, pins }: Ports): object {
  return {
    blobs: content.digests(),
    referrers: Object.fromEntries(
      referrers.subjects().map((subject) => [subject, [...referrers.list(subject)].sort()]),
    ),
    pins: pins
      .list()
      .map(({ name, version, digest, pin, origin }) => ({ name, version, digest, pin, origin })),
  };
}

let registry: FaultRegistry;
before(async () => {
  registry = await startFaultRegistry();
});
after(() => registry.dispose());
let places = 0;

const referrers = fc.constantFrom('api' as const, 'api' as const, 'none' as const);

test('push and pull leave a home with what export and import leave it with, and again with nothing', () =>
  holds(3, [state, choice, choice, referrers], (made, pushed, pulled, listing) =>
    inDirectory(async (directory) => {
      const variables = {};
      const home = (name: string) => openHome(join(directory, name), variables);
      registry.features.referrers = listing;
      const here = home('here');
      const filled = await fill(here, made);
      const { version } = filled.programs.at(-1)!.program.metadata;
      const reference = `${NAME}:${version}`;
      const place = `oci://${registry.host}/p${++places}`;
      const repository = registry.content.repository(`p${places}/${NAME.toLowerCase()}`);
      const history = chosenOf(pushed, filled);
      const request = { reference, ...(history === undefined ? {} : { history }) };

      const file = join(directory, 'one');
      const bundle = await exportProgram(here, { ...request, output: file, form: 'oci-tar' });
      const first = await pushProgram(here, { ...request, target: place, access });
      assert.deepEqual([...first.runs].sort(), [...bundle.runs].sort(), 'push takes other runs than export');
      assert.equal(repository.tags.get(version), bundle.digests.program);
      for (const [digest, { bytes }] of repository.manifests) assert.equal(digestOf(bytes), digest);

      const [imported, fetched] = [home('imported'), home('fetched')];
      await importBundle(imported, { file });
      const remote = `${place}/${NAME}:${version}`;
      const got = await pullProgram(fetched, { reference: remote, access });
      assert.equal(got.runs, first.runs.length);
      assert.deepEqual(heldBy(fetched), heldBy(imported), 'pull leaves another home than import');
      assert.deepEqual((await verifyIntegrity(fetched, undefined)).findings, []);

      // All of it is there now, on either side.
      const before = everythingBelow(join(directory, 'fetched'));
      const again = await pullProgram(fetched, { reference: remote, access });
      assert.deepEqual(again.fetched, { blobs: 0, sizeBytes: 0 });
      assert.deepEqual(
        everythingBelow(join(directory, 'fetched')),
        before,
        'the second pull changed the home',
      );
      const second = await pushProgram(fetched, { ...request, history: 'none', access });
      assert.equal(second.tally.sent, 0);

      // What is chosen of a bundle is what is chosen of a registry.
      const chosen = chosenOf(pulled, filled);
      const some = Array.isArray(chosen) ? chosen.filter((id) => first.runs.includes(id)) : chosen;
      const taken = Array.isArray(some) && some.length === 0 ? 'none' : some;
      const copies = [];
      for (const source of [file, remote]) {
        const destination = join(directory, `copy${copies.length}.tar`);
        const options = { source, destination, history: taken, force: false };
        copies.push(await copyProgram(here, { ...options, access: source === file ? {} : access }));
      }
      assert.deepEqual(copies[1]!.digests, copies[0]!.digests, `copies with ${String(taken)} differ`);
      const [part, whole] = [home('part'), home('whole')];
      await pullProgram(part, { reference: remote, history: taken, access });
      await importBundle(whole, { file: join(directory, 'copy0.tar') });
      assert.deepEqual((await verifyIntegrity(part, undefined)).findings, []);
      assert.deepEqual(heldBy(part), heldBy(whole), `a pull with ${String(taken)} is another copy`);
      if (taken === undefined || taken === 'all') {
        const { archive } = bundle.digests;
        assert.equal(copies[0]!.digests!.archive, archive, 'a copy of all is another bundle');
      }
    }),
  ));
