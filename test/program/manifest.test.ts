import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { catalogue } from '../../src/errors/catalogue.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../src/program/json.ts';
import { parseManifest } from '../../src/program/manifest.ts';

const HEAD = 'apiVersion: same/v1\nkind: Program\nmetadata: {name: p, version: "1.0"}\n';
const STEPS =
  'pipeline: {steps: {train: {run: [sh, t.sh], outputs: {model: {path: m.bin}, scores: {path: s.json, kind: metrics}}}}}\n';
const read = (text: string) => parseManifest(new TextEncoder().encode(text), 'f');
const linesOf = (text: string) =>
  read(text).findings.map(
    ({ code, place, message, hint }) =>
      `${place} ${code} ${message}${hint === undefined ? '' : ` — ${hint}`}`,
  );
/** Findings of a step beside `train`, by its text in flow style. */
const step = (text: string, more = '') =>
  linesOf(
    `${HEAD}pipeline:\n  steps:\n    train: {run: t, outputs: {model: {path: m}}}\n    eval: ${text}\n${more}`,
  );

describe('manifests', () => {
  it('are complete with one step', () => {
    const { program, value, findings } = read(`${HEAD}pipeline: {steps: {train: {run: sh t.sh}}}`);
    assert.deepEqual(findings, []);
    assert.deepEqual(program, value);
  });

  it('keep x- keys in their canonical form only, wherever fields are fixed', () => {
    const { program, value, findings } = read(
      `${HEAD}${STEPS}x-a: 1\nparameters: {x-b: {type: string, default: a, x-c: {y: 1}}}\n`,
    );
    assert.deepEqual(findings, []);
    assert.deepEqual(program!.parameters, { 'x-b': { type: 'string', default: 'a' } });
    assert.equal('x-a' in program!, false);
    assert.deepEqual(value!['x-a'], 1);
    assert.deepEqual(value!.parameters, { 'x-b': { type: 'string', default: 'a', 'x-c': { y: 1 } } });
  });

  it('give one program, however their keys are ordered', () => {
    const text = (a: string, b: string) => `${HEAD}pipeline: {steps: {${a}, ${b}}}\n`;
    const [one, two] = [text('a: {run: x}', 'b: {run: y}'), text('b: {run: y}', 'a: {run: x}')].map(
      (each) => read(each).program!,
    );
    assert.equal(JSON.stringify(one), JSON.stringify(two));
  });

  it('of another version or kind are refused for that alone', () => {
    assert.deepEqual(linesOf('apiVersion: same/v2\nkind: Program\nfoo: 1'), [
      'f:1:13 SAME1007 unknown apiVersion "same/v2" — did you mean same/v1? (known: same/v1)',
    ]);
    assert.match(
      linesOf('apiVersion: same/v1.3\nkind: Program')[0]!,
      /^f:1:13 SAME1007 same\/v1\.3 needs a version of same that knows minor 3/,
    );
    assert.match(linesOf('apiVersion: same/v1\nkind: Lock')[0]!, /^f:2:7 SAME1007 unknown kind "Lock"/);
    assert.match(linesOf('apiVersion: 1')[0]!, /SAME1007 unknown apiVersion 1/);
  });

  it('report syntax, fields and references in one go, sorted by place', () => {
    const lines = linesOf(
      `apiVersion: same/v1\nkind: Program\nmetadata:\n  name: p\n  version: 1.10\n  licence: MIT\npipeline:\n  steps:\n    a:\n      run: [sh, {{inputs.x}}]\n      inputs: {x: {from: b.o}}\n      timeout: 30\n    b: {outputs: {p: {path: ../p}}}\n`,
    );
    assert.deepEqual(
      lines.map((line) => line.split(' ').slice(0, 2).join(' ')),
      [
        'f:5:12 SAME1006',
        'f:6:3 SAME1004',
        'f:10:17 SAME1001',
        'f:11:26 SAME1009',
        'f:12:16 SAME1005',
        'f:13:5 SAME1008',
      ],
    );
    assert.match(lines[0]!, /metadata\.version is the number 1\.1, not text — write version: "1\.10"$/);
    assert.match(lines[1]!, /unknown field "licence" in metadata — did you mean license\?/);
    assert.match(lines[4]!, /write timeout: 30s$/);
  });

  it('never crash the reader', () => {
    for (const text of [
      '',
      'a',
      '[]',
      '1',
      'null',
      '{}',
      'a: &b [*b]',
      'pipeline: []',
      'pipeline: {steps: [1]}',
      'parameters: {a: []}',
    ]) {
      const { program, findings } = read(text);
      assert.equal(program, undefined);
      assert.ok(findings.length > 0, text);
    }
  });

  it('give findings with code and place, or a program, whatever is put anywhere in the full example', () => {
    const file = join(import.meta.dirname, '../../spec/v1/examples/full.same.yaml');
    const { value } = parseManifest(readFileSync(file), 'f');
    const odd: JsonValue[] = [null, 0, -1.5, true, '', 'x', '{{', '../x', [], [null], {}, { x: null }];
    let seen = 0;
    for (const path of pathsOf(value!)) {
      const oddHere = odd[seen % odd.length]!;
      for (const put of seen % 29 === 0 ? odd : [oddHere]) {
        const { program, findings } = read(JSON.stringify(replaced(value!, path, put)));
        assert.equal(program === undefined, findings.length > 0, path.join('.'));
        for (const { code, place, message } of findings) {
          assert.ok(
            code in catalogue && /^f:\d+:\d+$/.test(place!) && !message.includes('\n'),
            `${path.join('.')} ${message}`,
          );
        }
      }
      seen++;
    }
    assert.ok(seen > 100, `${seen} places`);
  });
});

describe('declared parameters', () => {
  const cases: [string, RegExp][] = [
    [
      '{a: {type: integer, default: 0, minimum: 1}}',
      /^f:4:\d+ SAME1103 parameters\.a\.default: 0 is below the minimum 1$/,
    ],
    ['{a: {type: integer, default: x}}', /SAME1102 parameters\.a\.default: expected integer, got "x"$/],
    ['{a: {type: integer, enum: [1, b]}}', /SAME1105 parameters\.a\.enum\[1\]: expected integer/],
    ['{a: {type: integer, examples: [x]}}', /SAME1105 parameters\.a\.examples\[0\]/],
    [
      '{a: {type: integer, minLength: 1}}',
      /SAME1105 parameters\.a\.minLength: does not apply to type integer/,
    ],
    ['{a: {type: integer, minimum: 2, maximum: 1}}', /SAME1105 parameters\.a\.minimum: 2 is above maximum 1/],
    ['{a: {type: integer, oneOf: []}}', /SAME1105 parameters\.a: keyword "oneOf" is not supported/],
    ['{a: {type: string, pattern: "(?=x)"}}', /SAME1105 parameters\.a\.pattern: .* RE2/],
    ['{a: {type: strng}}', /SAME1005 parameters\.a\.type: "strng" is not one of .* did you mean string\?/],
    ['{a: {default: 1}}', /SAME1008 parameters\.a\.type is missing/],
    ['{a-b: {type: string}, a_b: {type: string}}', /SAME1106 parameters "a-b" and "a_b" collide/],
    ['{a: {type: string}, A: {type: string}}', /SAME1106/],
    ['{no-x: {type: boolean}, x: {type: boolean}}', /SAME1106 parameters "x" and "no-x" collide/],
    ['{1a: {type: string}}', /f:4:14 SAME1005 parameters: "1a" is not an identifier/],
    [
      '{a: {type: object, properties: {b: {type: array, items: {type: integer, foo: 1}}}}}',
      /SAME1105 parameters\.a\.properties\.b\.items: keyword "foo"/,
    ],
    [
      '{a: {type: integer}}\nprofiles: {s: {parameters: {b: 1}}}',
      /f:5:29 SAME1101 unknown parameter "b" \(from profile "s"\)/,
    ],
    [
      '{a: {type: integer}}\nprofiles: {s: {parameters: {a: x}}}',
      /SAME1102 parameter "a": expected integer, got "x" \(from profile "s"\)/,
    ],
  ];
  for (const [text, expected] of cases) {
    it(`refuse ${text}`, () => {
      const lines = linesOf(`${HEAD}parameters: ${text}\n${STEPS}`);
      assert.equal(lines.length, 1, lines.join('\n'));
      assert.match(lines[0]!, expected);
    });
  }
});

describe('steps', () => {
  const cases: [string, RegExp][] = [
    ['{run: 5}', /SAME1005 pipeline\.steps\.eval\.run: expected text or a list, got 5/],
    ['{run: [sh, 1]}', /SAME1005 pipeline\.steps\.eval\.run\[1\]: expected text, got 1 — write "1"/],
    ['{run: []}', /SAME1005 pipeline\.steps\.eval\.run is empty/],
    ['{run: x, inputs: {m: {from: tran.model}}}', /f:7:39 SAME1009 .*no step "tran" — did you mean train\?/],
    [
      '{run: x, inputs: {m: {from: train.modl}}}',
      /SAME1009 .*step "train" has no output "modl" — did you mean model\?/,
    ],
    ['{run: x, inputs: {m: {from: train}}}', /SAME1009 .*not STEP\.OUTPUT/],
    [
      '{run: x, inputs: {m: train.model}}',
      /SAME1005 pipeline\.steps\.eval\.inputs\.m: expected a map, got "train\.model" — write m: \{from: train\.model\}$/,
    ],
    ['{run: x, inputs: {m: iris}}', /got "iris" — write m: \{data: iris\}$/],
    ['{run: x, outputs: {o: "a b"}}', /got "a b" — write o: \{path: "a b"\}$/],
    ['{run: x, inputs: {m: 5}}', /inputs\.m: expected a map, got 5$/],
    ['{run: x, inputs: {m: {}}}', /SAME1008 .*neither from nor data/],
    ['{run: x, inputs: {m: {data: d}}}', /SAME1009 .*no data "d" — the program declares no data/],
    [
      '{run: x, inputs: {m: {from: eval.o}}, outputs: {o: {}}}',
      /f:7:5 SAME1013 steps wait for each other: eval → eval/,
    ],
    ['{run: x, environment: gpu}', /SAME1009 .*no environment "gpu"/],
    ['{run: x, secrets: [T]}', /SAME1009 .*no secret "T"/],
    ['{run: x, services: [t]}', /SAME1009 .*no service "t"/],
    ['{run: x, parameters: [p]}', /SAME1009 .*no parameter "p"/],
    ['{run: "x {{inputs.m}}"}', /SAME1010 .*\{\{inputs\.m\}\} leads nowhere — the step has no inputs/],
    ['{run: "x {{outputs.scor}}", outputs: {score: {}}}', /did you mean score\?/],
    ['{run: "x {{flags"}', /SAME1010 .*not closed/],
    ['{run: x, outputs: {o: {path: ../o}}}', /SAME1014 .*has "\.\."/],
    ['{run: x, outputs: {o: {path: /o}}}', /SAME1014 .*is absolute/],
    ['{run: x, outputs: {o: {path: a\\b}}}', /SAME1014 .*backslash/],
    ['{run: x, outputs: {o: {path: ./}}}', /SAME1014 .*the whole workdir/],
    ['{run: x, outputs: {o: {path: "e\u0301"}}}', /SAME1014 .*normal form C/],
    [
      '{run: x, outputs: {a: {path: d/}, b: {path: ./d/e}}}',
      /SAME1005 output "b" and output "a" lie at one place/,
    ],
    [
      '{run: x, inputs: {m: {from: train.model, at: d}}, outputs: {a: {path: d/x}}}',
      /SAME1005 output "a" and input "m" lie at one place/,
    ],
    ['{run: x, outputs: {stdout: {}}}', /SAME1005 an output cannot be called stdout/],
    ['{run: x, workdir: ..}', /SAME1014/],
    ['{run: x, timeout: 1w}', /SAME1005 .*"1w" is not a duration/],
    ['{run: x, resources: {memory: 4GB}}', /SAME1005 .*is not a size/],
    ['{run: x, resources: {memory: 99999999Pi}}', /SAME1005 .*too large for a size/],
    [
      '{run: x, retrys: {max: 1}}',
      /SAME1004 unknown field "retrys" in pipeline\.steps\.eval — did you mean retries\?/,
    ],
  ];
  for (const [text, expected] of cases) {
    it(`refuse ${text}`, () => {
      const lines = step(text);
      assert.equal(lines.length, 1, lines.join('\n'));
      assert.match(lines[0]!, expected);
    });
  }

  it('may not use a parameter that they do not see', () => {
    const lines = step('{run: "x {{parameters.a}}", parameters: []}', 'parameters: {a: {type: string}}\n');
    assert.equal(lines.length, 1);
    assert.match(lines[0]!, /SAME1010 .*may not see — add a to the step's parameters/);
  });

  it('of finally may read every step, and are read by none', () => {
    const text = (from: string, where: string) =>
      linesOf(
        `${HEAD}pipeline: {steps: {a: {run: x, outputs: {o: {}}${where === 'steps' ? `, inputs: {i: {from: ${from}}}` : ''}}}, finally: {f: {run: y, outputs: {o: {}}${where === 'finally' ? `, inputs: {i: {from: ${from}}}` : ''}}}}\n`,
      );
    assert.deepEqual(text('a.o', 'finally'), []);
    assert.match(text('f.o', 'steps')[0]!, /SAME1009/);
    assert.match(
      linesOf(`${HEAD}pipeline: {steps: {a: {run: x}}, finally: {a: {run: x}}}`)[0]!,
      /SAME1005 step "a" is in steps and in finally/,
    );
  });
});

describe('everything else', () => {
  const cases: [string, RegExp][] = [
    ['environments: {e: {}}', /SAME1008 environments\.e says no interpreter/],
    [
      `environments: {e: {system: true, image: "x@sha256:${'0'.repeat(64)}"}}`,
      /SAME1005 environments\.e has system and image/,
    ],
    ['environments: {e: {python: {version: 3.10}}}', /SAME1006 .*write version: "3\.10"/],
    ['environments: {e: {python: {version: "3"}}}', /SAME1005 .*is not major\.minor/],
    [
      'environments: {e: {python: {version: "3.11", lock: a, packages: [b]}}}',
      /SAME1005 environments\.e\.python has lock and packages/,
    ],
    [
      'environments: {e: {system: true, variables: {SAME_X: "1"}}}',
      /SAME1005 .*SAME_X is set by same itself/,
    ],
    ['environments: {e: {system: true, variables: {N: 1}}}', /SAME1005 .*write N: "1"/],
    [
      'environments: {e: {system: true, requires: {commands: ["R >"]}}}',
      /SAME1005 .*is not a command with its version/,
    ],
    ['secrets: {PATH: {}}', /SAME1005 secrets: PATH is set by same itself/],
    ['data: {d: {uri: /etc/passwd}}', /SAME1014/],
    ['data: {d: {uri: "C:\\\\x"}}', /SAME1014/],
    [`data: {d: {uri: ${'数/'.repeat(257)}}}`, /SAME1014 .*is over 1024 bytes/],
    [`data: {d: {uri: x}}\nfiles: {allowSecret: [${'a/'.repeat(513)}]}`, /SAME1014 .*longer than 1024/],
    ['data: {d: {uri: ../x}}', /SAME1014/],
    ['data: {d: {uri: "file:///x"}}', /SAME1014/],
    ['data: {d: {uri: x, digest: "sha256:0"}}', /SAME1005 .*is not a digest/],
    [
      'infrastructure: {targets: [{name: a, kind: process}, {name: a, kind: process}]}',
      /target "a" is there twice/,
    ],
    ['outputs: {o: {from: train.x}}', /SAME1009/],
    ['metrics: {m: {from: train.stdout}}', /SAME1008 metrics\.m says neither json nor regex/],
    ['metrics: {m: {from: train.model, json: a}}', /SAME1005 .*not a JSON pointer/],
    ['metrics: {m: {from: train.model, json: /a, regex: b}}', /SAME1005 metrics\.m has json and regex/],
    ['metrics: {m: {from: train.stdout, regex: "("}}', /SAME1005 metrics\.m\.regex/],
    ['metrics: {m: {from: train.scores, take: last}}', /SAME1005 metrics\.m has take without regex/],
    [
      'claims: [{id: a, metric: m, expect: 1}, {id: a, metric: m, expect: 1}]',
      /f:4:46 SAME1005 claim "a" is there twice/,
    ],
    ['claims: [{id: a, metric: m, expect: 1, profile: s}]', /SAME1009 .*no profile "s"/],
    ['claims: [{id: a, metric: m, expect: 1, given: {s: 1}}]', /SAME1009 .*no parameter or matrix value "s"/],
    ['claims: [{id: a, metric: m, expect: 1, given: {s: 1}}]', /^f:4:48 /],
    ['secrets: {T: {}}\nenvironments: {e: {system: true, variables: {T: x}}}', /^f:5:46 SAME1005 /],
    ['parameters: {p: {type: integer, default: 1, minLength: 1}}', /^f:4:45 SAME1105 .*does not apply/],
    ['claims: [{id: a, metric: m, expect: "1"}]', /SAME1005 claims\[0\]\.expect: expected a number, got "1"/],
    ['requiredExtensions: [org.x]', /SAME1012/],
    ['extensions: {x: 1}', /SAME1005 extensions: "x" is not a reverse domain name/],
    ['upstream: {git: x, revision: main}', /SAME1005 .*is not a commit/],
    ['files: {exclude: [/x]}', /SAME1014/],
    ['history: {export: some}', /SAME1005 history\.export: "some" is not one of none, latest, all/],
  ];
  for (const [text, expected] of cases) {
    it(`refuses ${text}`, () => {
      const lines = linesOf(`${HEAD}${text}\n${STEPS}`);
      assert.equal(lines.length, 1, lines.join('\n'));
      assert.match(lines[0]!, expected);
    });
  }

  it('finds steps of finally that wait for each other', () => {
    const lines = linesOf(
      `${HEAD}pipeline:\n  steps: {a: {run: x}}\n  finally: {f: {run: x, inputs: {i: {from: f.o}}, outputs: {o: {}}}}\n`,
    );
    assert.equal(lines.length, 1, lines.join('\n'));
    assert.match(lines[0]!, /^f:6:13 SAME1013 steps wait for each other: f → f/);
  });

  it('finds the command of a shell behind its options, and flags by the places that they are', () => {
    const codes = (run: string) =>
      linesOf(`${HEAD}parameters: {p: {type: integer, default: 1}}\npipeline: {steps: {s: {run: ${run}}}}\n`)
        .length;
    assert.equal(codes('[bash, -e, -o, pipefail, -c, "{{parameters.p}} {{parameters.p}}"]'), 2);
    assert.equal(codes('[sh, -c, -e, "{{parameters.p}}"]'), 1);
    assert.equal(codes('[sh, -e, a.sh, "{{parameters.p}}"]'), 0);
    assert.equal(codes('[sh, -c, "$1", sh, "{{parameters.p}}"]'), 0);
    assert.equal(codes('[a, "{{{flags}}}"]'), 1);
  });

  it('takes a whole metrics file as a figure', () => {
    assert.deepEqual(linesOf(`${HEAD}${STEPS}metrics: {m: {from: train.scores}}`), []);
  });

  it('has names and versions of its own', () => {
    const head = (name: string, version: string) =>
      linesOf(
        `apiVersion: same/v1\nkind: Program\nmetadata: {name: ${name}, version: ${version}}\n${STEPS}`,
      )[0]!;
    assert.match(head('a b', '"1"'), /SAME1201/);
    assert.match(head('a'.repeat(129), '"1"'), /SAME1201/);
    assert.match(head('a', '"1_0"'), /SAME1202/);
    assert.match(head('a', 'latest'), /SAME1202/);
    assert.match(head('a', '2024'), /SAME1006 .*write version: "2024"/);
  });
});

function pathsOf(value: JsonValue, above: (string | number)[] = []): (string | number)[][] {
  if (typeof value !== 'object' || value === null) return [above];
  const below = Array.isArray(value) ? [...value.entries()] : Object.entries(value);
  return [above, ...below.flatMap(([key, item]) => pathsOf(item, [...above, key]))];
}

function replaced(value: JsonObject, path: (string | number)[], put: JsonValue): JsonValue {
  const [last] = path.slice(-1);
  if (last === undefined) return put;
  const copy = structuredClone(value);
  let parent: JsonValue = copy;
  for (const key of path.slice(0, -1))
    parent = isJsonObject(parent) ? parent[key]! : (parent as JsonValue[])[Number(key)]!;
  if (isJsonObject(parent)) parent[last] = put;
  else (parent as JsonValue[])[Number(last)] = put;
  return copy;
}
