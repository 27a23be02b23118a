import { randomBytes } from 'node:crypto';
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/** A way to do what a row is about. */
export interface Contestant {
  what: string;
  role: 'floor' | 'same' | 'peer';
  /** Run one after another, and measured together. */
  commands: string[][];
  /** Greatest ratio to the floor. */
  target?: number;
  /** Commands that must be on PATH beside the first words. */
  needs?: string[];
}

/** One row of the table: its floor first, then `same`, then the peers. */
export interface Row {
  name: string;
  contestants: Contestant[];
  /** A long row has no more turns than these. */
  mostRuns?: number;
  /** Writes what only this row needs. */
  write?(): void;
  /** Commands to run once before anything is measured. */
  before: string[][];
}

const same = [process.execPath, resolve(import.meta.dirname, '../bin/same')];
const SAME_YAML = (name: string) => `apiVersion: same/v1
kind: Program
metadata: {name: ${name}, version: "1.0"}
pipeline: {steps: {main: {run: "true"}}}
`;
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

/** What P8 exports: one long file and many short ones, of bytes that no compressor shrinks, as weights and images are. */
const EXPORTS = [
  { name: 'long', label: '1 GiB', files: 1, fileBytes: 2 ** 30 },
  { name: 'many', label: '10,000 × 10 KB', files: 10_000, fileBytes: 10_000 },
];

/** Random bytes in equal files below a folder, and a program of them. */
function writeRandom(folder: string, { name, files, fileBytes }: (typeof EXPORTS)[number]): void {
  mkdirSync(join(folder, 'data'), { recursive: true });
  writeFileSync(join(folder, 'same.yaml'), SAME_YAML(name));
  for (let at = 0; at < files; at++) {
    const fd = openSync(join(folder, 'data', `${String(at).padStart(5, '0')}.bin`), 'w');
    for (let left = fileBytes; left > 0; left -= 2 ** 20) {
      writeSync(fd, randomBytes(Math.min(left, 2 ** 20)));
    }
    closeSync(fd);
  }
}

/** P8, the export of a stored program; its floor packs the folder with the tools everyone has. */
function exportRow(directory: string, data: (typeof EXPORTS)[number]): Row {
  const { name, label } = data;
  const shell = (command: string): string[] => ['bash', '-c', `set -o pipefail; ${command}`];
  const folder = join('p8', name);
  return {
    name: `P8 ${label}`,
    mostRuns: 5,
    write: () => writeRandom(join(directory, folder), data),
    before: [[...same, 'create', '-f', folder]],
    contestants: [
      {
        what: 'tar | zstd',
        role: 'floor',
        commands: [shell(`tar -c ${folder} | zstd -q > floor.tar.zst`)],
        needs: ['tar', 'zstd'],
      },
      {
        what: 'same export',
        role: 'same',
        commands: [[...same, 'export', '-n', `${name}:1.0`, '-o', 'out.tgz', '--force']],
        target: 1.2,
      },
      { what: 'tar', role: 'peer', commands: [shell(`tar -c ${folder} | cat > floor.tar`)] },
      {
        what: 'kit pack',
        role: 'peer',
        commands: [['kit', 'pack', folder, '-t', `${name}:1.0`]],
      },
    ],
  };
}

/**
 * Writes what the rows need into a directory, where their commands are then run; what is long is written by the row.
 * @returns P1, start-up, P2, one recorded step with one parameter, and P8, export
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
    ...EXPORTS.map((data) => exportRow(directory, data)),
  ];
}
