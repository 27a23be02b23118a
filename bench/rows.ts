import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/** A way to do what a row is about. */
export interface Contestant {
  what: string;
  role: 'floor' | 'same' | 'peer';
  /** Run one after another, and measured together. */
  commands: string[][];
  /** Greatest ratio to the floor. */
  target?: number;
}

/** One row of the table: its floor first, then `same`, then the peers. */
export interface Row {
  name: string;
  contestants: Contestant[];
  /** Commands to run once before anything is measured. */
  before: string[][];
}

const same = [process.execPath, resolve(import.meta.dirname, '../bin/same')];
const bareNode = [process.execPath, '-e', '0'];
const STRIDE = 3;
const step = ['sh', 'step.sh', String(STRIDE)];
const run = [...same, 'run', 'step:1.0', `--stride=${STRIDE}`];

/** A step of some 10 ms of CPU that takes one parameter. */
const STEP = `i=0
while [ $i -lt 24000 ]; do i=$((i + $1)); done
echo $i
`;

/** The same step for every peer, each in its own language; only `same`, snakemake's and dvc's keep a record of it. */
const FILES: Record<string, string> = {
  'step.sh': STEP,
  'program/step.sh': STEP,
  'program/same.yaml': `apiVersion: same/v1
kind: Program
metadata: {name: step, version: "1.0"}
parameters:
  stride: {type: integer, default: 2}
pipeline:
  steps:
    main:
      run: [sh, step.sh, "{{parameters.stride}}"]
`,
  Makefile: 'all:\n\t@sh step.sh $(STRIDE)\n.PHONY: all\n',
  Snakefile: 'rule all:\n    output: "done.txt"\n    shell: "sh step.sh {config[stride]} > {output}"\n',
  'step.cwl': `cwlVersion: v1.2
class: CommandLineTool
baseCommand: [sh, ${JSON.stringify('{step}')}]
inputs:
  stride: {type: int, inputBinding: {position: 1}}
outputs: []
`,
  '.dvc/config': '[core]\n    no_scm = true\n    analytics = false\n    check_update = false\n',
  'params.yaml': `stride: ${STRIDE}\n`,
  'dvc.yaml': 'stages:\n  main:\n    cmd: sh step.sh ${stride}\n    params: [stride]\n',
};

/**
 * Writes what the rows need into a directory, where their commands are then run.
 * @returns P1, start-up, and P2, one recorded step with one parameter
 */
export function openRows(directory: string): Row[] {
  for (const [name, text] of Object.entries(FILES)) {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), text.replace('{step}', join(directory, 'step.sh')));
  }
  const peer = (...command: string[]): Contestant => ({
    what: command.slice(0, 2).join(' '),
    role: 'peer',
    commands: [command],
  });
  const named = ['oras', 'guild', 'dvc', 'cwltool', 'kfp', 'snakemake', 'zenml', 'mlflow', 'make'];
  return [
    {
      name: 'P1',
      before: [],
      contestants: [
        { what: 'node -e 0', role: 'floor', commands: [bareNode] },
        { what: 'same --version', role: 'same', commands: [[...same, '--version']], target: 1.5 },
        { what: 'same --help', role: 'same', commands: [[...same, '--help']], target: 1.5 },
        ...named.map((name) => peer(name, name === 'oras' ? 'version' : '--version')),
      ],
    },
    {
      name: 'P2',
      before: [[...same, 'create', '-f', 'program']],
      contestants: [
        { what: 'node -e 0; sh step.sh', role: 'floor', commands: [bareNode, step] },
        { what: 'same run', role: 'same', commands: [run], target: 2.5 },
        peer('make', 'all', `STRIDE=${STRIDE}`),
        peer('snakemake', '-F', '--quiet', '--cores', '1', '--config', `stride=${STRIDE}`),
        peer('cwltool', 'step.cwl', '--stride', String(STRIDE)),
        peer('dvc', 'repro', '--force'),
      ],
    },
  ];
}
