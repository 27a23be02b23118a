import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bareNode, type Row, same } from './contestant.ts';

const CELLS = 1000;
/** Of compiling a step of so many cells, the start of the command with it, to a bare node: 0.3 s where that took 0.028 s. */
const RATIO = 10.7;

const MANIFEST = `apiVersion: same/v1
kind: Program
metadata: {name: cells, version: "1.0"}
environments:
  default: {image: "docker.io/library/python@sha256:${'0'.repeat(64)}"}
pipeline:
  steps:
    train:
      matrix: {seed: [${Array.from({ length: CELLS }, (_, seed) => seed).join(', ')}]}
      run: [python, train.py, "{{matrix.seed}}"]
      code: [train.py]
`;

/** P13, what a step of a thousand cells is for the engine of a cluster: refused where it does not fit into an object. */
export function compileRows(directory: string): Row[] {
  return ['kubernetes', 'argo', 'tekton', 'kubeflow'].map((engine) => ({
    name: `P13 ${engine}`,
    open() {
      const program = join(directory, 'cells');
      mkdirSync(program, { recursive: true });
      writeFileSync(join(program, 'same.yaml'), MANIFEST);
      writeFileSync(join(program, 'train.py'), 'print(0.5)\n');
      return {
        before: [[...same, 'create', '-f', 'cells']],
        contestants: [
          { what: 'node -e 0', role: 'floor', commands: [bareNode] },
          {
            what: 'same compile',
            role: 'same',
            commands: [[...same, 'compile', 'cells:1.0', '--engine', engine]],
            target: RATIO,
          },
        ],
      };
    },
  }));
}
