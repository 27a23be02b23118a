import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { type EngineTraits, ofThisMachine, oneStep, type RunFixture, succeeded } from './steps.ts';

/** Variables, directories, code and secrets that a step sees (spec chapter step-contract). */
export function surroundingsContract(name: string, run: RunFixture, traits: EngineTraits = {}): void {
  const here = ofThisMachine(traits);
  describe(`engine ${name}: what a step sees`, () => {
    const variablesOf = (text: string): Record<string, string> =>
      Object.fromEntries(
        text
          .split('\n')
          .filter(Boolean)
          .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
      );

    it('are exactly the variables of the contract, whatever the caller has', async () => {
      process.env.SAME_TEST_LEAK = 'leak';
      process.env.PYTHONPATH = '/leak';
      try {
        const ran = await run({
          manifest: oneStep(
            `run: [env]\ninputs: {d: {data: d}}\noutputs: {}`,
            `parameters: {epochs: {type: integer, default: 3}, learning-rate: {type: number, default: 0.5}, none: {type: [string, 'null'], default: null}, list: {type: array, default: [1, a]}, on: {type: boolean, default: true}}
data: {d: {uri: d.txt}}
environments: {default: {system: true, variables: {OMP_NUM_THREADS: "1"}}}`,
          ),
          files: { 'd.txt': 'd' },
          variables: { LD_PRELOAD: 'leak', LC_ALL: 'de_DE', TZ: 'Asia/Tokyo' },
        });
        succeeded(ran);
        const seen = variablesOf(await ran.log('main'));
        const others = traits.variables ?? [];
        const contract = Object.keys(seen).filter((name) => !others.includes(name));
        assert.deepEqual(contract.sort(), [
          'HOME',
          'LANG',
          'OMP_NUM_THREADS',
          'PATH',
          'SAME_ATTEMPT',
          'SAME_IN',
          'SAME_OUT',
          'SAME_PARAMS',
          'SAME_PARAM_EPOCHS',
          'SAME_PARAM_LEARNING_RATE',
          'SAME_PARAM_LIST',
          'SAME_PARAM_NONE',
          'SAME_PARAM_ON',
          'SAME_RUN_ID',
          'SAME_SCRATCH',
          'SAME_STEP',
          'TMPDIR',
          'TZ',
        ]);
        assert.equal(seen.LANG, 'C.UTF-8');
        assert.equal(seen.TZ, 'UTC');
        assert.equal(seen.OMP_NUM_THREADS, '1');
        assert.equal(seen.SAME_PARAM_EPOCHS, '3');
        assert.equal(seen.SAME_PARAM_LEARNING_RATE, '0.5');
        assert.equal(seen.SAME_PARAM_NONE, '');
        assert.equal(seen.SAME_PARAM_LIST, '[1,"a"]');
        assert.equal(seen.SAME_PARAM_ON, 'true');
        assert.equal(seen.SAME_STEP, 'main');
        assert.equal(seen.SAME_ATTEMPT, '1');
        assert.equal(seen.SAME_RUN_ID, ran.record.id);
      } finally {
        delete process.env.SAME_TEST_LEAK;
        delete process.env.PYTHONPATH;
      }
    });

    it('are directories of its own: HOME and TMPDIR are empty and writable, and gone afterwards', async () => {
      const ran = await run({
        manifest: oneStep(
          `run: 'for d in "$HOME" "$TMPDIR" "$SAME_IN" "$SAME_OUT" "$SAME_SCRATCH"; do echo "$d"; ls -A "$d"; done; touch "$HOME/x" "$TMPDIR/x"'`,
        ),
      });
      succeeded(ran);
      const paths = (await ran.log('main')).trim().split('\n');
      assert.equal(paths.length, 5, 'each directory is empty');
      assert.equal(new Set(paths).size, 5);
      for (const path of paths) assert.ok(path.startsWith('/'));
      // What is called so here is another machine's.
      if (traits.isAway) return;
      for (const path of paths.slice(0, 4)) assert.equal(existsSync(path), false, path);
    });

    here.it('is a scratch directory that runs in the same environment share', async () => {
      const ran = await run({
        manifest: `
pipeline:
  steps:
    a: {run: 'touch {{scratch}}/kept {{outputs.o}}', outputs: {o: {}}}
    b: {run: [ls, "{{scratch}}"], inputs: {o: {from: a.o}}}
`,
      });
      succeeded(ran);
      assert.equal(await ran.log('b'), 'kept\n');
    });

    it('are variables of the environment that may say another LANG and TZ', async () => {
      const ran = await run({
        manifest: oneStep(
          `run: 'echo $LANG $TZ'`,
          `environments: {default: {system: true, variables: {LANG: C, TZ: Europe/Berlin}}}`,
        ),
      });
      assert.equal(await ran.log('main'), 'C Europe/Berlin\n');
    });

    it('are variables and secrets by any name, also by those of whatever starts it', async () => {
      const letters = [...'abcdefghijklmnopqrstuvwxyz'];
      const declared = [...letters, 'TAR_OPTIONS', 'CDPATH', 'HOSTNAME'];
      const secrets = [...letters.map((letter) => letter.toUpperCase()), 'GODEBUG', 'v_SERVICE_HOST'];
      const list = (names: string[], each: string) => names.map((name) => `${name}: ${each}`).join(', ');
      const ran = await run({
        manifest: `
secrets: {${list(secrets, '{}')}}
environments: {default: {system: true, variables: {${list(declared, 'own')}}}}
pipeline:
  steps:
    see: {run: [env], secrets: [${secrets.join(', ')}]}
    make: {run: ['sh', '-c', 'echo "$K" >"$1"', 'sh', '{{outputs.o}}'], outputs: {o: {}}, secrets: [K, M, O, R, U, T]}
    read: {run: [cat, '{{inputs.o}}'], inputs: {o: {from: make.o}}, secrets: [B, W]}
`,
        variables: Object.fromEntries(secrets.map((name) => [name, 'set'])),
      });
      succeeded(ran);
      const seen = (await ran.log('see')).trim().split('\n');
      for (const name of declared) assert.ok(seen.includes(`${name}=own`), name);
      for (const name of secrets) assert.ok(seen.includes(`${name}=set`), name);
      assert.deepEqual(
        seen.filter((line) => line.startsWith('SAME_SECRET')),
        [],
      );
      assert.equal(await ran.log('read'), 'set\n');
    });

    it('are its parameters with their types in params.json, and no others', async () => {
      const ran = await run({
        manifest: oneStep(
          `run: [sh, -c, 'cat "$SAME_PARAMS"; env']\nparameters: [i, f, s, b, n, a, o]`,
          `parameters:
  i: {type: integer, default: 1000}
  f: {type: number, default: 0.001}
  s: {type: string, default: "1000"}
  b: {type: boolean, default: false}
  n: {type: [integer, 'null'], default: null}
  a: {type: array, default: [1, "2", null]}
  o: {type: object, default: {k: {d: true}}}
  hidden: {type: string, default: not-for-this-step}`,
        ),
        set: ['i=7'],
      });
      succeeded(ran);
      const log = await ran.log('main');
      assert.deepEqual(JSON.parse(log.slice(0, log.indexOf('\n'))), {
        i: 7,
        f: 0.001,
        s: '1000',
        b: false,
        n: null,
        a: [1, '2', null],
        o: { k: { d: true } },
      });
      assert.doesNotMatch(log, /hidden|not-for-this-step/i);
      assert.equal(ran.record.parameters.hidden!.value, 'not-for-this-step');
    });

    it('is all code but documents, manifest, lock and declared data', async () => {
      const files = {
        'README.md': 'r',
        LICENSE: 'l',
        'CITATION.cff': 'c',
        'data/x.csv': 'd',
        'a.sh!': '#!/bin/sh\nfind . -type f | sort',
        'lib/README.md': 'r',
        'lib/b.txt': 'b',
      };
      const all = await run({ manifest: oneStep(`run: [./a.sh]`, 'data: {x: {uri: data/x.csv}}'), files });
      succeeded(all);
      assert.equal(await all.log('main'), './a.sh\n./lib/README.md\n./lib/b.txt\n');
      const some = await run({
        manifest: oneStep(
          `run: [./a.sh]\ncode: [a.sh, 'lib/*.txt', README.md]`,
          'data: {x: {uri: data/x.csv}}',
        ),
        files,
      });
      succeeded(some);
      assert.equal(await some.log('main'), './README.md\n./a.sh\n./lib/b.txt\n');
      assert.notEqual(some.step('main').cacheKey, all.step('main').cacheKey);
    });

    it('is a copy of the code, written freely without a change to the program or the next step', async () => {
      const ran = await run({
        manifest: `
pipeline:
  steps:
    a: {run: 'echo spoiled > code.txt; rm other.txt; touch {{outputs.o}}', outputs: {o: {}}}
    b: {run: 'cat code.txt other.txt', inputs: {o: {from: a.o}}}
`,
        files: { 'code.txt': 'clean\n', 'other.txt': 'other\n' },
      });
      succeeded(ran);
      assert.equal(await ran.log('b'), 'clean\nother\n');
    });

    it('has nothing on standard input', async () => {
      const ran = await run({ manifest: oneStep(`run: [cat]`) });
      succeeded(ran);
      assert.equal(await ran.log('main'), '');
    });

    it('are secrets only where a step names them, masked in logs, events, files and record', async () => {
      const secret = 'hunter2-$"\\é';
      const ran = await run({
        manifest: `
secrets: {TOKEN: {}, TINY: {}}
pipeline:
  steps:
    a: {run: 'echo "out: $TOKEN$TOKEN."; echo "err: $TOKEN" >&2; printf %s "$TOKEN" | wc -c; env', secrets: [TOKEN]}
    b: {run: 'test -z "$TOKEN"; env'}
`,
        variables: { TOKEN: secret, TINY: 'abc' },
      });
      succeeded(ran);
      const log = await ran.log('a');
      assert.ok(log.startsWith(`out: ***TOKEN******TOKEN***.\n`), log);
      assert.match(log, new RegExp(`^\\s*${Buffer.byteLength(secret)}$`, 'm'));
      assert.match(log, /^TOKEN=\*\*\*TOKEN\*\*\*$/m);
      assert.equal(await ran.log('a', 'stderr'), 'err: ***TOKEN***\n');
      assert.doesNotMatch(await ran.log('b'), /TOKEN/);
      const told = JSON.stringify(ran.events) + JSON.stringify(ran.record);
      assert.ok(!told.includes('hunter2'));
      assert.ok(told.includes('***TOKEN***'));
      for (const file of readdirSync(ran.home, { recursive: true, withFileTypes: true })) {
        if (!file.isFile()) continue;
        const bytes = readFileSync(join(file.parentPath, file.name));
        assert.ok(!bytes.includes('hunter2'), `${file.parentPath}/${file.name} holds the secret`);
      }
    });
  });
}
