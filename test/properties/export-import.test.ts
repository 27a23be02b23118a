import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import type { BundleForm } from '../../src/operations/bundle-forms.ts';
import { exportProgram } from '../../src/operations/export-program.ts';
import { importBundle } from '../../src/operations/import-bundle.ts';
import type { Ports } from '../../src/operations/ports.ts';
import { verifyIntegrity } from '../../src/operations/verify-integrity.ts';
import { holds } from './campaign.ts';
import { choice, chosenOf, fill, NAME, state } from './filled-homes.ts';
import { everythingBelow, inDirectory, openHome } from './homes.ts';

const form = fc.constantFrom<BundleForm>('tgz', 'oci-tar', 'oci-dir');

test('export, import and export again gives the same archive, and importing again changes nothing', () =>
  holds(8, [state, choice, fc.tuple(form, form), fc.boolean()], (made, choice, forms, held) =>
    inDirectory(async (directory) => {
      const [here, there] = ['here', 'there'].map((name) => openHome(join(directory, name), made.variables));
      const filled = await fill(here!, made);
      const { programs, runs, said } = filled;
      const { version } = programs.at(-1)!.program.metadata;
      const reference = `${NAME}:${version}`;
      const history = chosenOf(choice, filled);
      const exported = (ports: Ports, form: BundleForm, name: string, wanted = history) =>
        exportProgram(ports, {
          reference,
          form,
          output: join(directory, name),
          ...(wanted === undefined ? {} : { history: wanted }),
        });
      // A home may hold a part of it already.
      if (held) {
        await exported(here!, 'oci-tar', 'part', 'none');
        await importBundle(there!, { file: join(directory, 'part') });
      }

      const one = await exported(here!, forms[0], 'one');
      if (Array.isArray(history)) assert.deepEqual([...one.runs].sort(), [...history].sort());
      const imported = await importBundle(there!, { file: join(directory, 'one') });
      assert.equal(imported.digests.archive, one.digests.archive, 'import tells another archive');
      assert.equal(imported.runs, one.runs.length);
      const inside = new Set([
        ...programs.slice(-1 - imported.ancestors).map(({ digest }) => digest),
        ...runs.filter(({ record }) => one.runs.includes(record.id)).map(({ object }) => object),
      ]);
      for (const { subject, digest } of said) {
        const travels = inside.has(subject);
        if (travels) inside.add(digest);
        const arrived = there!.referrers.list(subject).includes(digest);
        assert.equal(
          arrived,
          travels,
          `${digest}, which is of ${subject}, ${travels ? 'is left out' : 'came'}`,
        );
      }
      const origins = [here, there].map((ports) => ports!.pins.get(NAME, version)?.origin);
      assert.equal(origins[1], origins[0], 'the origin is another');

      const before = everythingBelow(join(directory, 'there'));
      await importBundle(there!, { file: join(directory, 'one') });
      assert.deepEqual(
        everythingBelow(join(directory, 'there')),
        before,
        'the second import changed the home',
      );

      const two = await exported(there!, forms[1], 'two');
      assert.deepEqual(
        [two.digests.program, two.digests.index, two.digests.archive, [...two.runs].sort()],
        [one.digests.program, one.digests.index, one.digests.archive, [...one.runs].sort()],
        'the second export is of another bundle',
      );
      if (forms[0] === forms[1] && forms[0] !== 'oci-dir') {
        const [a, b] = ['one', 'two'].map((name) => readFileSync(join(directory, name)));
        assert.ok(a!.equals(b!), 'the second export has other bytes');
      }
      assert.deepEqual((await verifyIntegrity(there!, join(directory, 'two'))).findings, []);
      assert.deepEqual((await verifyIntegrity(there!, undefined)).findings, []);
    }),
  ));
