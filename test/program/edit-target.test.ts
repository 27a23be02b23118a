import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseConfiguration } from '../../src/program/configuration.ts';
import { withTarget } from '../../src/program/edit-target.ts';

const lab = { engine: 'kubernetes', context: 'lab', namespace: 'studies' };
const LINES = '  lab:\n    engine: "kubernetes"\n    context: "lab"\n    namespace: "studies"\n';
const targetsIn = (text: string) => {
  const { configuration, findings } = parseConfiguration(Buffer.from(text), 'config.yaml');
  assert.deepEqual(findings, [], text);
  return Object.fromEntries(configuration!.targets);
};

describe('a target set in a configuration', () => {
  const texts = [
    '',
    '# nothing yet\n',
    'registries: {aliases: {one: "oci://localhost"}}   # as it is\n',
    'metadata:\n    store: # told\n        kind: mlflow\n        address: "http://localhost:5000"',
  ];
  for (const text of texts) {
    it(`comes last, and taken out leaves ${JSON.stringify(text.slice(0, 20))} as it was`, () => {
      const set = withTarget(text, 'lab', lab);
      assert.equal(set, `${text}${text === '' || text.endsWith('\n') ? '' : '\n'}targets:\n${LINES}`);
      assert.deepEqual(targetsIn(set), { lab });
      assert.equal(withTarget(set, 'lab', undefined).trimEnd(), text.trimEnd());
    });
  }

  it('stands beside others, whose comments stay, and takes the place of what it was', () => {
    const flow = '{ "targets": { "here": { "engine": "local" } } }\n';
    assert.deepEqual(targetsIn(withTarget(flow, 'lab', lab)), { here: { engine: 'local' }, lab });
    const first = 'targets:\n  here: {engine: local} # mine\n# end\n';
    assert.equal(withTarget(first, 'lab', lab), `targets:\n  here: {engine: local} # mine\n${LINES}# end\n`);
    const block = `targets:\n  here: {engine: local} # mine\n${LINES}# end\n`;
    assert.equal(withTarget(block, 'lab', undefined), 'targets:\n  here: {engine: local} # mine\n# end\n');
    assert.equal(withTarget(block, 'here', undefined), `targets:\n${LINES}# end\n`);
    const moved = withTarget(block, 'lab', { engine: 'kubernetes' });
    assert.deepEqual(targetsIn(moved), { here: { engine: 'local' }, lab: { engine: 'kubernetes' } });
    assert.match(moved, /# mine\n/);
    assert.match(moved, /# end\n$/);
  });

  it('that is the only thing said leaves nothing', () => {
    assert.equal(withTarget(withTarget('', 'lab', lab), 'lab', undefined), '');
    assert.equal(withTarget('{targets: {lab: {engine: local}}}', 'lab', undefined), '');
  });
});
