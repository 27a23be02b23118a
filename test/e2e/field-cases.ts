import { add, all, type Json, planned, put, recorded, refused, shown } from './field-case.ts';

// The document.
refused('apiVersion', 'same/v2', 'SAME1007');
refused('kind', 'Lock', 'SAME1007');
planned('metadata.name', 'study-2');
planned('metadata.version', '1.1');
shown('metadata.title', 'A title');
shown('metadata.description', 'What it is about');
shown('metadata.authors.0.name', 'Grace');
shown('metadata.authors.0.orcid', 'https://orcid.org/0000-0002-1825-0097');
shown('metadata.authors.0.affiliation', 'Brown University');
shown('metadata.authors.0.email', 'ada@example.org');
shown('metadata.license', 'MIT');
shown('metadata.keywords', ['speech-keyword'], 'keywords speech-keyword');
shown('metadata.paper.arxiv', '1303.5778v1');
shown('metadata.paper.doi', '10.1109/ICASSP.2013.6638947');
shown('metadata.paper.url', 'https://example.org/paper');
shown('metadata.derivedFrom.name', 'eldest');
shown('metadata.derivedFrom.version', '0.8');
shown('metadata.derivedFrom.digest', `sha256:${'2'.repeat(64)}`);

// Parameters: how they are read, and what they allow.
const parameter = (value: Json) => put('parameters.x', value);
planned('parameters.x.type', 'string', parameter({ type: 'integer' }), ['--x=5']);
planned('parameters.x.default', 2, parameter({ type: 'integer', default: 1 }));
const limits: [keyword: string, declared: Json, changed: Json, word: string][] = [
  ['enum', { type: 'string', enum: ['a', 'b'], default: 'a' }, ['a', 'c'], '--x=b'],
  ['const', { type: 'string', const: 'a' }, 'b', '--x=a'],
  ['minimum', { type: 'integer', minimum: 1, default: 9 }, 5, '--x=3'],
  ['maximum', { type: 'integer', maximum: 9, default: 1 }, 5, '--x=7'],
  ['exclusiveMinimum', { type: 'number', exclusiveMinimum: 1, default: 9 }, 3, '--x=3'],
  ['exclusiveMaximum', { type: 'number', exclusiveMaximum: 9, default: 1 }, 7, '--x=7'],
  ['multipleOf', { type: 'integer', multipleOf: 2, default: 0 }, 4, '--x=6'],
  ['minLength', { type: 'string', minLength: 1, default: 'aaaa' }, 3, '--x=aa'],
  ['maxLength', { type: 'string', maxLength: 3, default: 'a' }, 1, '--x=aa'],
  ['pattern', { type: 'string', pattern: 'a', default: 'ab' }, '^b|ab$', '--x=a'],
  ['minItems', { type: 'array', minItems: 1, default: [1, 2] }, 2, '--x=[1]'],
  ['maxItems', { type: 'array', maxItems: 2, default: [1] }, 1, '--x=[1,2]'],
  ['uniqueItems', { type: 'array', uniqueItems: false, default: [1] }, true, '--x=[1,1]'],
  ['required', { type: 'object', required: ['a'], default: { a: 1, b: 1 } }, ['a', 'b'], '--x={"a":1}'],
];
for (const [keyword, declared, changed, word] of limits)
  refused(`parameters.x.${keyword}`, changed, 'SAME1103', parameter(declared), [word]);
refused(
  'parameters.x.items',
  { type: 'integer' },
  'SAME1102',
  parameter({ type: 'array', items: { type: 'string' } }),
  ['--x=a'],
);
refused(
  'parameters.x.properties.a',
  { type: 'integer' },
  'SAME1102',
  parameter({ type: 'object', properties: { a: { type: 'string' } } }),
  ['--x={"a":"b"}'],
);
shown('parameters.tag.format', 'uri-reference');
shown('parameters.tag.title', 'A tag');
shown('parameters.tag.description', 'What it is called');
shown('parameters.tag.examples', ['spring'], 'for example "spring"');
shown('parameters.tag.deprecated', true, '(deprecated)');
planned('profiles.smoke.parameters.epochs', 3, undefined, ['--profile=smoke']);
shown('profiles.smoke.description', 'A quick look');

// Secrets, services, resources, targets.
shown('secrets.TOKEN.description', 'Opens the door');
const needsToken = put('pipeline.steps.train.secrets', ['TOKEN']);
add('secrets.TOKEN.required', {
  look: 'record',
  base: needsToken,
  change: put('secrets.TOKEN.required', true),
  code: 'SAME1701',
});
planned('services.board.resource', 'tracker');
planned('services.board.version', '>=2');
add('services.board.optional', {
  look: 'record',
  change: put('services.board.optional', undefined),
  code: 'SAME1701',
});
shown('services.board.provides.BOARD_URI', 'endpoint.url', 'BOARD_URI=endpoint.url');
shown('services.board.description', 'Live curves');
const gpu = { count: 1, optional: true };
const wants: [path: string, value: Json][] = [
  ['resources.cpu', 0.25],
  ['resources.memory', '1Mi'],
  ['resources.disk.size', '2k'],
  ['resources.gpu.count', 2],
  ['resources.gpu.vendor', 'amd'],
  ['resources.gpu.memory', '1Gi'],
];
for (const prefix of ['', 'pipeline.steps.train.']) {
  const before = all(put(`${prefix}resources`, { cpu: 0.75, disk: { size: '1k' }, gpu }));
  for (const [path, value] of wants) planned(prefix + path, value, before);
  add(`${prefix}resources.gpu.optional`, {
    look: 'plan',
    base: before,
    change: put(`${prefix}resources.gpu.optional`, false),
    code: 'SAME1701',
  });
}
refused('infrastructure.targets.0.name', 'there', 'SAME1902', undefined, ['--target=here']);
refused('infrastructure.targets.0.kind', 'slurm', 'SAME1702', undefined, ['--target=here']);
shown('infrastructure.targets.1.path', 'infra', 'cloud (terraform) from infra');
shown('infrastructure.targets.1.description', 'Of the institute');
shown('resources.disk.class', 'premium', '(premium)');
shown('pipeline.steps.train.resources.disk.class', 'scratch', '(scratch) (step train)');

// Environments.
refused(
  'environments.default.python.version',
  '3.99',
  'SAME1701',
  put('environments.default', { python: { version: '3.11' } }),
  [],
);
refused(
  'environments.other.python.lock',
  'none.lock',
  'SAME1009',
  put('environments.other', { python: { version: '3.11' } }),
);
refused(
  'environments.other.python.requirements',
  'none.txt',
  'SAME1009',
  put('environments.other', { python: { version: '3.11' } }),
);
refused(
  'environments.other.python.packages',
  ['x @ https://example.org/x.whl'],
  'SAME1505',
  put('environments.other', { python: { version: '3.11' } }),
);
shown('environments.fourth.r.version', '4.9', 'R 4.9');
shown('environments.fourth.r.packages', ['lme4 >=1.1'], 'lme4 >=1.1');
refused(
  'environments.other.r.lock',
  'none.lock',
  'SAME1009',
  put('environments.other', { r: { version: '4.2' } }),
);
shown('environments.fifth.node.version', '99', 'node 99');
refused(
  'environments.other.node.lock',
  'none.json',
  'SAME1009',
  put('environments.other', { node: { version: '20' } }),
);
refused('environments.fifth.dockerfile', 'none/Dockerfile', 'SAME1009');
refused('environments.other.system', undefined, 'SAME1008');
shown('environments.third.image', `example.org/image@sha256:${'1'.repeat(64)}`);
recorded('environments.other.variables.COLOUR', 'green', put('pipeline.steps.train.environment', 'other'));
add('environments.default.requires.commands', {
  look: 'record',
  change: put('environments.default.requires.commands', ['no-such-command']),
  code: 'SAME1701',
});
shown('environments.third.description', 'For figures');
