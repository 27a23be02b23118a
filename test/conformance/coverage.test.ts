import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { describe, it } from 'node:test';
import { readCases } from '../../conformance/runner/case-file.ts';
import { clausesOf, coverageProblems } from '../../conformance/runner/coverage.ts';

const root = resolve(import.meta.dirname, '../..');
const directory = join(root, 'conformance/v1');
const cases = readCases(directory);

describe('the conformance cases', () => {
  it('cover every clause of the specification, or a test elsewhere does', () => {
    const clauses = clausesOf(join(root, 'spec/v1'));
    assert.ok(clauses.length > 250, `saw ${clauses.length} clauses`);
    const enabled = cases.filter(({ disabled }) => disabled === undefined);
    const problems = coverageProblems({
      clauses,
      enabled: new Set(enabled.flatMap((each) => each.clauses)),
      named: new Set(cases.flatMap((each) => each.clauses)),
      elsewhere: JSON.parse(readFileSync(join(directory, 'elsewhere.json'), 'utf8')),
      root,
    });
    assert.deepEqual(problems, []);
  });

  it('stand in a directory for each chapter', () => {
    const chapters = globSync('*.md', { cwd: join(root, 'spec/v1') }).map((file) => basename(file, '.md'));
    assert.deepEqual([...new Set(cases.map(({ chapter }) => chapter))].sort(), chapters.sort());
  });

  it('are each asked once: no two ask the same and expect the same', () => {
    const asked = new Map<string, string>();
    const twice = cases.flatMap(({ id, verb, input, expect }) => {
      const key = JSON.stringify([verb, input, expect]);
      const first = asked.get(key);
      asked.set(key, first ?? id);
      return first === undefined ? [] : [`${id} = ${first}`];
    });
    assert.deepEqual(twice, []);
  });

  it('name golden files that are there, and every golden file is named by one', () => {
    const named = new Set(
      globSync('**/*.json', { cwd: directory }).flatMap((file) =>
        [...readFileSync(join(directory, file), 'utf8').matchAll(/"golden":\s*"([^"]+)"/g)].map(
          ([, name]) => name!,
        ),
      ),
    );
    assert.deepEqual([...named].sort(), globSync('*.tgz', { cwd: join(directory, 'golden') }).sort());
  });
});
