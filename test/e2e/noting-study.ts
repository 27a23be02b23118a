import { readFileSync, writeFileSync } from 'node:fs';
import { openRig, type Rig, study } from './rig.ts';

/** A study of two steps that each note that they ran; the second reads from the first and no parameter. */
export const manifest = (log: string, more = '') =>
  study(`parameters: {n: {type: integer, default: 3}, unused: {type: integer, default: 1}}
pipeline:
  steps:
    make:
      run: "echo make >> ${log}; seq {{parameters.n}} > {{outputs.numbers}}"
      parameters: [n]
      code: [make.sh]
      outputs: {numbers: {}}
    count:
      run: "echo count >> ${log}; wc -l < {{inputs.numbers}} > {{outputs.lines}}; echo '{\\"lines\\": 1}' > metrics.json"
      parameters: []
      code: [count.sh]
      inputs: {numbers: {from: make.numbers}}
      outputs: {lines: {}}
${more}
`);

/** A rig with the study in `study/`; what ran is told by `ran()`, which forgets it. */
export function openStudy(more = ''): Rig & { ran(): string[]; edit(path: string, text: string): void } {
  const rig = openRig();
  const log = rig.path('log');
  rig.write({
    'study/same.yaml': manifest(log, more),
    'study/make.sh': 'one',
    'study/count.sh': 'one',
    'study/README.md': 'words',
    log: '',
  });
  return Object.assign(rig, {
    ran() {
      const lines = readFileSync(log, 'utf8').split('\n').filter(Boolean);
      writeFileSync(log, '');
      return lines;
    },
    edit: (path: string, text: string) => writeFileSync(rig.path('study', path), text),
  });
}

/** Runs the study from its folder. */
export const run = (rig: Rig, ...words: string[]) => rig.same(['run', '-f', 'study', '--json', ...words]);
