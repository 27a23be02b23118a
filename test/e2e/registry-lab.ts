import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Features } from '../components/fault-answers.ts';
import type { StoredRepository } from '../components/fault-content.ts';
import { type FaultRegistry, startFaultRegistry } from '../components/fault-registry.ts';
import { assertRefused, type Refusal, type ShownFinding } from './refusal.ts';
import { manifest, openRig, type Rig } from './rig.ts';

/** The type of a run's manifest. */
export const RUN = 'application/vnd.same.run.v1+json';
/** A program whose runs fail where `n` is 13. */
export const study = manifest(
  'run: test $SAME_PARAM_N -ne 13 && echo "{\\"score\\":$SAME_PARAM_N}" > metrics.json',
  'parameters:\n  n: {type: integer, default: 1}',
);

/** A home with study:1.0 in it, and an empty registry that speaks plain HTTP. */
export interface Lab {
  rig: Rig;
  registry: FaultRegistry;
  /** `oci://HOST/lab`. */
  place: string;
  /** What the registry has of the program. */
  stored(): StoredRepository;
  /** Requests that change a registry. */
  writes(): string[];
  /** Runs `same … --plain-http` and asserts that it succeeds. */
  remote(words: string[], home?: string): ReturnType<Rig['same']>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Opens it. */
export async function openLab(features: Partial<Features> = {}): Promise<Lab> {
  const rig = openRig();
  const registry = await startFaultRegistry({ features });
  const place = `oci://${registry.host}/lab`;
  await created(rig, study);
  return {
    rig,
    registry,
    place,
    stored: () => registry.content.repository('lab/study'),
    writes: () =>
      registry.log
        .filter(({ method }) => !['GET', 'HEAD'].includes(method))
        .map(({ method, path }) => `${method} ${path}`),
    remote: (words, home) => done(rig, [...words, '--plain-http'], home),
    async [Symbol.asyncDispose]() {
      await registry.dispose();
      rig[Symbol.dispose]();
    },
  };
}

/** {@link assertRefused} in a home of its own, with `--plain-http`. */
export function refused(rig: Rig, home: string, words: string[], wanted: Refusal): Promise<ShownFinding[]> {
  const where = { cwd: rig.path('study'), env: { SAME_HOME: home } };
  return assertRefused({ ...rig, home }, [...words, '--plain-http'], { ...where, ...wanted });
}

/** Creates `study/same.yaml` of a text. */
export async function created(rig: Rig, text: string, home?: string): Promise<void> {
  mkdirSync(rig.path('study'), { recursive: true });
  writeFileSync(rig.path('study/same.yaml'), text);
  await done(rig, ['create', '-f', 'study'], home);
}

/** Runs a program that succeeds. @returns its id */
export async function ran(rig: Rig, reference: string, n: number): Promise<string> {
  return (await done(rig, ['run', reference, `--n=${n}`, '--json'])).json().id;
}

/** Runs `same` and asserts that it succeeds. */
export async function done(rig: Rig, words: string[], home = rig.home): ReturnType<Rig['same']> {
  const ended = await rig.same(words, { env: { SAME_HOME: home } });
  assert.equal(ended.code, 0, `same ${words.join(' ')}\n${ended.stderr}`);
  return ended;
}

/** The only pin of a home. */
export function pinIn(home: string): Record<'name' | 'version' | 'digest' | 'pin' | 'registry', string> {
  const files = readdirSync(join(home, 'content/refs'), { recursive: true, withFileTypes: true });
  const [file] = files.filter((entry) => entry.isFile());
  return JSON.parse(readFileSync(join(file!.parentPath, file!.name), 'utf8'));
}
