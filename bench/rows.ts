import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { compileRows } from './compile-rows.ts';
import { type Content, contents } from './content.ts';
import { bareNode, type Contestant, type Row, same, shell } from './contestant.ts';
import { listingRows } from './listing-rows.ts';
import { pipelineRows } from './pipeline-rows.ts';
import { registryRows } from './registry-rows.ts';

const STRIDE = 3;
const step = ['sh', 'step.sh', String(STRIDE)];
// Forced, since a step that ran before is not run again.
const run = [...same, 'run', 'step:1.0', '--force', `--stride=${STRIDE}`];

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

/** P8, the export of a stored program; its floor packs the folder with the tools everyone has. */
function exportRow(directory: string, { name, label, write }: Content): Row {
  const folder = join('p8', name);
  const contestants: Contestant[] = [
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
  ];
  return {
    name: `P8 ${label}`,
    mostRuns: 5,
    open() {
      write(join(directory, folder));
      return { before: [[...same, 'create', '-f', folder]], contestants };
    },
  };
}

/**
 * Writes what the rows need into a directory, where their commands are then run; what is long is written by the row.
 * @returns P1, start-up, P2, one recorded step with one parameter, P3 to P5, pipelines, P8, export, and P9 and
 * P10, registries, P11, listings
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
      open: () => ({
        before: [],
        contestants: [
          { what: 'node -e 0', role: 'floor', commands: [bareNode] },
          { what: 'same --version', role: 'same', commands: [[...same, '--version']], target: 1.5 },
          { what: 'same --help', role: 'same', commands: [[...same, '--help']], target: 1.5 },
          ...named.map((name) => peer(name, name === 'oras' ? 'version' : '--version')),
        ],
      }),
    },
    {
      name: 'P2',
      open: () => ({
        before: [[...same, 'create', '-f', 'program']],
        contestants: [
          { what: 'node -e 0; sh step.sh', role: 'floor', commands: [bareNode, step] },
          { what: 'same run', role: 'same', commands: [run], target: 2.5 },
          peer('make', 'all', `STRIDE=${STRIDE}`),
          peer('snakemake', '-F', '--quiet', '--cores', '1', '--config', `stride=${STRIDE}`),
          peer('cwltool', 'step.cwl', '--stride', String(STRIDE)),
          peer('dvc', 'repro', '--force'),
        ],
      }),
    },
    ...contents.map((content) => exportRow(directory, content)),
    ...pipelineRows(directory),
    ...compileRows(directory),
    ...registryRows(directory),
    ...listingRows(directory),
  ];
}
