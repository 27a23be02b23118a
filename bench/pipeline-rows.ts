import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { bareNode, type Contestant, type Row, same, shell } from './contestant.ts';

/** Steps that do not read from one another: the others are chains as long as there are layers. */
const WIDTH = 100;

/** Of a run in which nothing changed, to a bare node: 0.25 s where that took 0.028 s. */
const NO_OP_RATIO = 8.9;

/** A graph of steps that each copy a file: chains of which each step reads what the one before it wrote. */
interface Graph {
  name: string;
  steps: number;
}

const thousand: Graph = { name: 'thousand', steps: 1000 };

/**
 * P3, a run in which nothing changed, P4, a run of everything, P5, plans of large graphs, and P12, runs at once that are
 * killed.
 */
export function pipelineRows(directory: string): Row[] {
  return [
    {
      name: 'P3',
      open() {
        writeGraph(directory, thousand);
        return {
          before: [
            [...same, 'create', '-f', 'thousand/program'],
            [...same, 'run', 'thousand:1.0', '--quiet'],
            ...peers(2).flatMap(({ commands }) =>
              commands.map((command) => shell(`${quoted(command)} || true`)),
            ),
          ],
          contestants: [
            { what: 'node -e 0', role: 'floor', commands: [bareNode] },
            {
              what: 'same run',
              role: 'same',
              commands: [[...same, 'run', 'thousand:1.0', '--quiet']],
              target: NO_OP_RATIO,
            },
            { what: 'make', role: 'peer', commands: [['make', '-C', 'thousand']] },
            ...peers(2),
          ],
        };
      },
    },
    {
      name: 'P4',
      mostRuns: 3,
      open() {
        writeGraph(directory, thousand);
        return {
          before: [[...same, 'create', '-f', 'thousand/program']],
          contestants: [
            {
              what: 'make -j2',
              role: 'floor',
              between: [shell('rm -rf thousand/out')],
              commands: [['make', '-C', 'thousand', '-j2']],
            },
            {
              what: 'same run -j2',
              role: 'same',
              between: [shell('rm -rf "$SAME_HOME/runs" "$SAME_HOME/cache/results"')],
              commands: [[...same, 'run', 'thousand:1.0', '--quiet', '-j2']],
              target: 2,
            },
            ...peers(2).map((peer) => ({ ...peer, between: [shell('rm -rf thousand/out')] })),
          ],
        };
      },
    },
    planRow(directory, { name: 'tens', label: '10,000 steps', steps: 10_000, cells: 1, mostSeconds: 1 }),
    planRow(directory, { name: 'hundreds', label: '100,000 cells', steps: 100, cells: 1000, mostSeconds: 8 }),
    killedRow(64, 128),
  ];
}

/** A graph that is planned only. */
interface LargeGraph {
  name: string;
  label: string;
  steps: number;
  /** Of each step; each reads from the one of the step before that has its value. */
  cells: number;
  mostSeconds: number;
}

/** Fails where anything is lost, torn or locked; a run is told as one of the floor's turns, whatever became of it. */
function killedRow(atOnce: number, rounds: number): Row {
  return {
    name: 'P12',
    mostRuns: 1,
    open: () => ({
      before: [],
      contestants: [
        {
          what: `${rounds} × node -e 0`,
          role: 'floor',
          commands: [shell(`for i in $(seq ${rounds}); do ${quoted(bareNode)}; done`)],
        },
        {
          what: `same run, ${atOnce} at once, ${rounds} killed`,
          role: 'same',
          commands: [
            [
              process.execPath,
              resolve(import.meta.dirname, 'killed-runs.ts'),
              String(atOnce),
              String(rounds),
            ],
          ],
        },
      ],
    }),
  };
}

function planRow(directory: string, { name, label, steps, cells, mostSeconds }: LargeGraph): Row {
  const matrix = `matrix: {n: [${Array.from({ length: cells }, (_, index) => index).join(',')}]}, `;
  const lines = Array.from({ length: steps }, (_, index) => {
    const before = index - (cells > 1 ? 1 : WIDTH);
    const matching = cells > 1 ? ', cells: matching' : '';
    const inputs = before < 0 ? '' : `, inputs: {i: {from: s${before}.o${matching}}}`;
    const input = before < 0 ? 'seed.txt' : '{{inputs.i}}';
    return ` s${index}: {${cells > 1 ? matrix : ''}run: [cp, "${input}", "{{outputs.o}}"]${inputs}, outputs: {o: {}}}`;
  });
  const manifest = `apiVersion: same/v1\nkind: Program\nmetadata: {name: ${name}, version: "1.0"}\npipeline:\n steps:\n`;
  return {
    name: `P5 ${label}`,
    mostRuns: 3,
    open() {
      mkdirSync(join(directory, name), { recursive: true });
      writeFileSync(
        join(directory, name, 'same.yaml'),
        `${manifest}${lines.map((line) => ` ${line}\n`).join('')}`,
      );
      writeFileSync(join(directory, name, 'seed.txt'), 'seed\n');
      return {
        before: [[...same, 'create', '-f', name]],
        contestants: [
          { what: 'node -e 0', role: 'floor', commands: [bareNode] },
          {
            what: 'same run --plan',
            role: 'same',
            commands: [[...same, 'run', `${name}:1.0`, '--plan', '--json']],
            mostSeconds,
            mostBytes: 1e9,
          },
        ],
      };
    },
  };
}

/** Others that know what need not run again. */
function peers(jobs: number): Contestant[] {
  const snakemake = ['snakemake', '-d', 'thousand', '-s', 'thousand/Snakefile', '--quiet', 'all'];
  return [
    { what: 'snakemake', role: 'peer', commands: [[...snakemake, '--cores', String(jobs)]] },
    { what: 'dvc repro', role: 'peer', commands: [['dvc', '--cd', 'thousand', 'repro', '--quiet']] },
  ];
}

function quoted(words: string[]): string {
  return words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
}

/** The same graph for each of them, in the language of each. */
function writeGraph(directory: string, { name, steps }: Graph): void {
  const numbers = Array.from({ length: steps }, (_, index) => index);
  const before = (index: number) => (index < WIDTH ? undefined : index - WIDTH);
  const own = numbers.map((index) => {
    const from = before(index);
    const input = from === undefined ? 'seed.txt' : '{{inputs.i}}';
    const inputs = from === undefined ? '' : `, inputs: {i: {from: s${from}.o}}`;
    return `    s${index}: {run: [cp, "${input}", "{{outputs.o}}"], parameters: []${inputs}, outputs: {o: {}}}`;
  });
  const make = numbers.map((index) => {
    const from = before(index);
    return `out/s${index}: ${from === undefined ? 'seed.txt' : `out/s${from}`} | out\n\tcp $< $@\n`;
  });
  const snake = numbers.map((index) => {
    const from = before(index);
    return `rule s${index}:\n    input: "${from === undefined ? 'seed.txt' : `out/s${from}`}"\n    output: "out/s${index}"\n    shell: "cp {input} {output}"\n`;
  });
  const dvc = numbers.map((index) => {
    const from = before(index);
    const source = from === undefined ? 'seed.txt' : `out/s${from}`;
    return `  s${index}:\n    cmd: cp ${source} out/s${index}\n    deps: [${source}]\n    outs: [out/s${index}]\n`;
  });
  const all = numbers.map((index) => `out/s${index}`);
  const files: Record<string, string> = {
    'program/same.yaml': `apiVersion: same/v1\nkind: Program\nmetadata: {name: ${name}, version: "1.0"}\npipeline:\n  steps:\n${own.join('\n')}\n`,
    'program/seed.txt': 'seed\n',
    'seed.txt': 'seed\n',
    Makefile: `all: ${all.join(' ')}\nout:\n\tmkdir -p out\n${make.join('')}.PHONY: all\n`,
    Snakefile: `rule all:\n    input: [${all.map((path) => `"${path}"`).join(', ')}]\n${snake.join('')}`,
    '.dvc/config': '[core]\n    no_scm = true\n    analytics = false\n    check_update = false\n',
    'out/.keep': '',
    'dvc.yaml': `stages:\n${dvc.join('')}`,
  };
  for (const [path, text] of Object.entries(files)) {
    const full = join(directory, name, path);
    mkdirSync(dirname(full), { recursive: true });
    writeFileSync(full, text);
  }
}
