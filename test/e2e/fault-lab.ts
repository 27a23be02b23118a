import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import type { StoredRepository } from '../components/fault-content.ts';
import type { Gate } from '../components/fault-logins.ts';
import { type FaultRegistry, startFaultRegistry } from '../components/fault-registry.ts';
import type { Misdeed } from '../components/faults.ts';
import { type Ended, manifest, openRig, type Rig } from './rig.ts';

/** Longer than what is fetched anew after a kill. */
export const big = createHash('shake256', { outputLength: 9 * 2 ** 20 })
  .update('a file of a study')
  .digest();
export const study = manifest('run: echo "{\\"score\\":1}" > metrics.json');
export const BLOBS = /\/blobs\/sha256:/;
/** Of a request that is never answered, and its bytes never taken. */
export const held: Misdeed = { early: true, instead: () => ({ status: 500 }), send: 'never' };

/** A home with study:1.0 and a run of it, and an empty registry. */
export interface Lab extends AsyncDisposable {
  rig: Rig;
  registry: FaultRegistry;
  /** `oci://HOST/lab/study:1.0` */
  place: string;
  stored(): StoredRepository;
  /** The digest of the layer with the big file. */
  layer(): string;
  same(words: string[], options?: Parameters<Rig['same']>[1]): Promise<Ended>;
}

/** Opens it. */
export async function openLab(gate?: Gate): Promise<Lab> {
  const rig = openRig();
  const registry = await startFaultRegistry({ gate });
  mkdirSync(rig.path('study'));
  writeFileSync(rig.path('study/same.yaml'), study);
  writeFileSync(rig.path('study/big.bin'), big);
  for (const words of [
    ['create', '-f', 'study'],
    ['run', 'study:1.0'],
  ]) {
    assert.equal((await rig.same(words)).code, 0);
  }
  const stored = () => registry.content.repository('lab/study');
  return {
    rig,
    registry,
    place: `oci://${registry.host}/lab/study:1.0`,
    stored,
    layer: () => [...stored().blobs].find(([, bytes]) => bytes.length > big.length)![0],
    same: (words, options) => rig.same([...words, '--plain-http'], options),
    async [Symbol.asyncDispose]() {
      await registry.dispose();
      rig[Symbol.dispose]();
    },
  };
}
