import { add, all, descriptions, planned, put, recorded, refused, shown } from './field-case.ts';

// Data.
recorded('data.table.uri', 'other.txt');
refused('data.table.mirrors', ['https://example.org/table.txt'], 'SAME1016');
add('data.table.digest', {
  look: 'record',
  change: put('data.table.digest', `sha256:${'1'.repeat(64)}`),
  code: 'SAME1301',
});
add('data.table.size', { look: 'record', change: put('data.table.size', 7), code: 'SAME1301' });
refused('data.table.unpack', 'tar', 'SAME1016');
shown('data.table.license', 'CC0-1.0');
refused('data.table.carry', 'never', 'SAME1005');
refused('data.table.mutable', true, 'SAME1016');
shown('data.table.description', 'Of numbers');

// Steps.
const train = 'pipeline.steps.train';
const test_ = 'pipeline.steps.test';
planned(`${train}.run`, 'true');
shown(`${train}.description`, 'Trains');
recorded(`${train}.environment`, 'other');
recorded(`${test_}.workdir`, 'sub');
recorded(`${test_}.inputs.model.from`, 'train.report');
recorded(`${train}.inputs.table.data`, 'second', put('data.second', { uri: 'other.txt' }));
recorded(`${test_}.inputs.model.at`, 'here.txt');
recorded(
  `${test_}.inputs.model.mode`,
  'copy',
  put(`${test_}.run`, [
    'sh',
    '-c',
    'if [ -w "$1" ]; then echo mine; else echo theirs; fi > "$SAME_OUT/copy"',
    'sh',
    '{{inputs.model}}',
  ]),
);
recorded(
  `${test_}.outputs.copy.path`,
  'copied.txt',
  put(`${test_}.run`, ['sh', '-c', 'echo "$1" > "$1"', 'sh', '{{outputs.copy}}']),
);
recorded(`${train}.outputs.report.kind`, 'metrics', all());
shown(`${train}.outputs.model.description`, 'The weights');
recorded(`${train}.parameters`, ['epochs']);
recorded(`${test_}.code`, ['extra.txt', 'sub/**']);
add(`${train}.secrets`, {
  look: 'record',
  env: { TOKEN: 'open sesame' },
  change: put(`${train}.secrets`, ['TOKEN']),
});
planned(`${train}.services`, ['board']);
const failing = put(`${train}.run`, 'exit 3');
recorded(`${train}.retries.max`, 1, all(failing, put(`${train}.retries`, { max: 0, backoff: '1ms' })));
planned(`${train}.retries.backoff`, '2ms', put(`${train}.retries`, { max: 1, backoff: '1ms' }));
recorded(`${train}.retries.codes`, [4], all(failing, put(`${train}.retries`, { max: 1, backoff: '1ms' })));
recorded(
  `${train}.timeout`,
  '20ms',
  put(`${train}.run`, 'echo loss: 3; sleep 0.3; echo done > {{outputs.model}}; echo {} > {{outputs.report}}'),
);
const seeds = { seed: [1, 2] };
planned(`${train}.matrix.seed`, [1, 2]);
planned(
  `${train}.foreach`,
  'list.items',
  put('pipeline.steps.list', { run: ['true'], outputs: { items: {} } }),
);
planned(`${train}.parallel`, 2, put(`${train}.matrix`, seeds));
planned(`${train}.mutex`, ['board']);
planned(`${train}.network`, true);
planned(`${train}.when`, 'parameters.epochs > 100');
planned(`${train}.cache`, false);
planned(
  `${test_}.inputs.model.cells`,
  'matching',
  all(
    put(`${train}.matrix`, seeds),
    put(`${test_}.matrix`, seeds),
    put(`${test_}.inputs.model`, { from: 'train.model', cells: 'all' }),
  ),
);
planned('pipeline.finally', { last: { run: ['true'] } });

// What comes of a run.
recorded(
  'outputs.model.from',
  'test.copy',
  put(`${test_}.run`, ['sh', '-c', 'echo other > "$SAME_OUT/copy"']),
);
shown('outputs.model.description', 'The weights');
recorded('metrics.loss.from', 'train.stderr');
recorded('metrics.loss.json', '/other', put('metrics.loss', { from: 'train.report', json: '/loss' }));
recorded('metrics.loss.regex', 'los: ([0-9]+)');
recorded('metrics.loss.take', 'first');
recorded('metrics.loss.unit', '%');
recorded('metrics.loss.direction', 'lower');
shown('metrics.loss.description', 'Cross entropy');
recorded('claims.0.id', 'two');
shown('claims.0.text', 'The loss is three');
recorded('claims.0.metric', 'train.loss');
recorded('claims.0.expect', 2);
recorded('claims.0.tolerance.abs', 0.5);
recorded('claims.0.tolerance.rel', 0.5);
recorded('claims.0.cite', 'Table 1');
recorded('claims.0.given.epochs', 7);
recorded('claims.0.profile', 'smoke');
recorded('claims.0.over', 'epochs');
recorded('claims.0.aggregate', 'mean');
shown('claims.0.required', false, '(not required)');

// The whole.
recorded('files.exclude', ['sub/**']);
refused('files.allowSecret', [], 'SAME1213', put('files.allowSecret', ['sub/.env']));
add('history.export', { look: 'export', change: put('history.export', 'none') });
descriptions.push({
  field: 'extensions.*',
  set: (manifest) => {
    manifest.extensions = { 'org.example.review': { blind: true } };
  },
  text: 'org.example.review  {"blind":true}',
});
refused('requiredExtensions', ['org.example.review'], 'SAME1012');
