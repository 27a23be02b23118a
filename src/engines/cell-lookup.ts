import { storeFanIn } from '../bundle/fan-in-tree.ts';
import type { LocalContentStore } from '../content/content-store.ts';
import type { ReadyEnvironment } from '../environments/environment.ts';
import type { Finding } from '../errors/same-error.ts';
import { platform } from '../host/machine.ts';
import type { PlannedStep } from '../pipeline/plan.ts';
import { type StepKey, stepKey } from '../pipeline/step-key.ts';
import type { Artifact, EngineContext, SkipCause, StepResult } from './engine.ts';
import type { CellState, Outcome } from './run-graph.ts';

/** Why a cell is not run. */
export interface Skip {
  because: string;
  cause: SkipCause;
  problems?: Finding[];
  outcome: Outcome;
}

/** A cell with everything that decides its result. */
export interface KeyedCell {
  inputs: Record<string, Artifact>;
  key: StepKey;
  environment: ReadyEnvironment;
}

/** What is to become of a cell that waits for nothing any more. */
export type Lookup = { skip: Skip } | { cached: StepResult; keyed: KeyedCell } | { run: KeyedCell };

/** Looks each cell up: its inputs, its key, and whether a stored result stands in for it. */
export class CellLookup {
  readonly #context: EngineContext;
  readonly #content: LocalContentStore;
  readonly #environments = new Map<string, ReadyEnvironment>();
  readonly #code = new Map<PlannedStep, string>();
  readonly #platform = platform();

  constructor(context: EngineContext, content: LocalContentStore) {
    this.#context = context;
    this.#content = content;
  }

  async of(state: CellState): Promise<Lookup> {
    const {
      cell,
      step: { step },
    } = state;
    if (cell.skipped !== undefined) {
      return { skip: { because: cell.skipped, cause: 'condition', outcome: { as: 'left-out' } } };
    }
    const skip = skipOf(state);
    if (skip) return { skip };
    const inputs: Record<string, Artifact> = {};
    for (const [name, { from }] of Object.entries(step.inputs)) {
      const source =
        'step' in from ? this.#artifact(state, name, from.output) : this.#context.data[from.data]!;
      inputs[name] = source instanceof Promise ? await source : source;
    }
    const environment =
      this.#environments.get(step.environment) ?? (await this.#environment(step.environment));
    const key = stepKey({
      step,
      matrix: cell.matrix,
      inputs,
      code: this.#codeDigest(step),
      environment: environment.keyOf?.(step.template) ?? environment.key,
      variables: environment.variables,
      platform: this.#platform,
    });
    const keyed = { inputs, key, environment };
    const cached = await this.#context.reuse(step, cell, key);
    if (cached) {
      // What it is said to be made from, so that somebody can say later what changed after that.
      if (cached.acceptedFrom !== undefined) await this.#content.write(Buffer.from(key.document));
      return { cached, keyed };
    }
    return step.selected === 'reuse' ? { skip: notStored(state) } : { run: keyed };
  }

  #artifact(state: CellState, input: string, output: string): Artifact | Promise<Artifact> {
    const { group, itself } = state.sources[input]!;
    if (itself) return outputOf(group.cells[0]!.state, output)!;
    group.directories ??= new Map();
    let directory = group.directories.get(output);
    if (!directory) {
      const entries = group.cells.flatMap(({ number, state: source }) => {
        const artifact = outputOf(source, output);
        return artifact ? [{ entry: String(number), artifact }] : [];
      });
      directory = storeFanIn(entries, this.#content);
      group.directories.set(output, directory);
    }
    return directory;
  }

  async #environment(name: string): Promise<ReadyEnvironment> {
    const environment = await this.#context.environment(name);
    this.#environments.set(name, environment);
    return environment;
  }

  #codeDigest(step: PlannedStep): string {
    let digest = this.#code.get(step);
    if (digest === undefined) {
      digest = this.#context.codeDigest(step);
      this.#code.set(step, digest);
    }
    return digest;
  }
}

function outputOf({ outcome }: CellState, output: string): Artifact | undefined {
  return outcome?.as === 'succeeded' ? outcome.outputs[output] : undefined;
}

/** Why a cell cannot run for the sake of those it reads from. */
function skipOf({ sources }: CellState): Skip | undefined {
  let upstream: Skip | undefined;
  for (const input in sources) {
    const { group } = sources[input]!;
    const { failed, succeeded, step, cells } = group;
    if (failed) return { because: `step ${failed.root} did not succeed`, cause: 'failure', outcome: failed };
    if (succeeded > 0) continue;
    upstream ??= {
      because: `${cells.length === 1 ? `step ${cells[0]!.state.cell.name}` : `every cell of step ${step}`} that it reads from was left out`,
      cause: 'upstream',
      outcome: { as: 'left-out' },
    };
  }
  return upstream;
}

function notStored({ cell, step: { step } }: CellState): Skip {
  const isNever = step.cache === false;
  const why = isNever ? 'nothing stands in for it (cache: false)' : 'no result of it is stored';
  return {
    because: `it was left out, and ${why}`,
    cause: 'not-stored',
    problems: [
      {
        code: 'SAME1614',
        message: `step ${cell.name} was left out, but another needs it and ${why}`,
        hint: isNever
          ? `run it along: --from ${step.name}`
          : `run what it needs and the step itself with the same words: --until ${step.name}`,
      },
    ],
    outcome: { as: 'failed', root: cell.name },
  };
}
