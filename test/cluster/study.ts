import type { Rig } from '../e2e/rig.ts';

// Nasty words, data, cells, fan-in and a last step.
const manifest = (image: string): string => `apiVersion: same/v1
kind: Program
metadata: {name: demo, version: "1.0"}
parameters: {text: {type: string, default: "{{x}} $(VAR) it's \\"quoted\\"\\nönd two lines"}}
secrets: {TOKEN: {required: false}}
environments:
  default: {python: {version: "3.11", lock: requirements.lock}, image: "${image}", variables: {OMP_NUM_THREADS: "1"}}
data: {words: {uri: data/words.txt}}
pipeline:
  steps:
    prepare:
      run: [sh, prepare.sh, "{{parameters.text}}", "{{inputs.words}}", "{{outputs.features}}"]
      inputs: {words: {data: words}}
      outputs: {features: {}}
      retries: {max: 2, codes: [137]}
      timeout: 30m
      resources: {cpu: 0.1, memory: 64Mi}
    train:
      matrix: {seed: [0, 1, 2]}
      parallel: 2
      run: (cat {{inputs.features}}; echo seed {{matrix.seed}}) > {{outputs.model}}
      inputs: {features: {from: prepare.features, at: given/features}}
      outputs: {model: {path: out/model}}
      secrets: [TOKEN]
    evaluate:
      run: cat {{inputs.models}}/* > {{outputs.scores}} && echo '{"lines":3}' > metrics.json
      network: true
      inputs: {models: {from: train.model}}
      outputs: {scores: {path: scores.txt}}
  finally:
    farewell: {run: 'echo over > {{outputs.word}}', outputs: {word: {}}}
`;

/** Writes a program into `study`, whose steps run in an image on a cluster and without one here; lines may be left out. */
export function writeStudy(rig: Rig, image: string, without: string[] = []): void {
  rig.write({
    'study/same.yaml': without.reduce((text, line) => text.replace(`      ${line}\n`, ''), manifest(image)),
    'study/requirements.lock': '',
    'study/prepare.sh': 'echo "$1" | cat - "$2" > "$3"\n',
    'study/data/words.txt': 'words\n',
  });
}
