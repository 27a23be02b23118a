import { throwFindings } from '../../errors/same-error.ts';
import type { SearchWords } from '../../sweeps/search-options.ts';
import { readSearch } from '../read-search.ts';
import { type ByteString, bytesOf, type Desk, Unsupported } from './desk.ts';

/** A manifest, what its user says of parameters, and how they are to be searched. */
export interface PlanSweepInput {
  manifest: ByteString;
  set?: string[];
  words?: string[];
  /** The options as text, without the dashes. */
  options?: {
    algorithm?: string;
    trials?: string;
    objective?: string;
    jobs?: string;
    'sampler-seed'?: string;
  };
}

/** The values of every trial, in order. */
export async function planSweep(desk: Desk, input: PlanSweepInput) {
  const ports = desk.open();
  const { program, findings } = await ports.parseManifest(bytesOf(input.manifest), 'same.yaml');
  throwFindings(findings);
  const { 'sampler-seed': samplerSeed, ...options } = input.options ?? {};
  const words: SearchWords = { ...options, ...(samplerSeed === undefined ? {} : { samplerSeed }) };
  const { search, trials } = await readSearch(ports, program!, {
    set: input.set ?? [],
    words: input.words ?? [],
    afterDashes: [],
    sharedOptions: [],
    ...words,
  });
  if (!trials) throw new Unsupported('what tpe tries depends on results');
  return { algorithm: search.algorithm, trials };
}
