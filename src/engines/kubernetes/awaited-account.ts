import type { Carrier } from './carrier.ts';
import { AWAIT_TAKE_AND_SEAL, NOT_SEALED } from './carrier-scripts.ts';
import type { Execution } from './cluster.ts';
import { type Unpacking, unpackInto } from './unpacking.ts';

/** Seconds between two looks, at first, and how many there are: some 20 s, for of what takes longer nobody minds a second. */
const [PAUSE, LOOKS] = ['0.05', '140'];

/** An attempt that is looked for on the volume, where its shim tells of its end before the cluster does. */
export interface AwaitedAccount {
  /** Whether it has succeeded, as its shim says; false where that is not found out here: the cluster will say how it ended. */
  readonly succeeded: Promise<boolean>;
  /** Brings here what it left, once; where that fails as a carrier does. */
  readonly take: Carrier['take'];
  /** Nobody waits for it any more. */
  abandon(): void;
}

/**
 * Begins to look.
 * @param carrier takes what cannot be taken here
 * @param place where it leaves what it makes, as commands find it
 * @param exec runs a command where the volume is
 */
export function awaitAccount(
  carrier: Pick<Carrier, 'take'>,
  place: string,
  exec: (execution: Omit<Execution, 'container'>) => Promise<{ exitCode: number }>,
): AwaitedAccount {
  const over = new AbortController();
  const said = Promise.withResolvers<boolean>();
  const wanted = Promise.withResolvers<boolean>();
  let unpacking: Unpacking | undefined;
  const ended = exec({
    command: ['sh', '-c', AWAIT_TAKE_AND_SEAL, 'sh', place, PAUSE, LOOKS],
    input: answer(wanted.promise),
    take: (chunk) => (unpacking ? unpacking.take(chunk) : said.resolve(true)),
    signal: over.signal,
  }).then(
    ({ exitCode }) => (exitCode === 0 ? 'sealed' : exitCode === NOT_SEALED ? 'taken' : undefined),
    // Whatever it was, the cluster says how an attempt ended.
    () => undefined,
  );
  void ended.then(() => said.resolve(false));
  return {
    succeeded: said.promise,
    async take(path, fresh, options) {
      unpacking = unpackInto(fresh());
      wanted.resolve(true);
      const taken = await ended;
      // Also of what is not whole: a file that was cut would stay open.
      const isWhole = await unpacking.end().then(
        () => true,
        () => false,
      );
      return taken && isWhole ? taken : carrier.take(path, fresh, options);
    },
    abandon() {
      wanted.resolve(false);
      over.abort();
    },
  };
}

async function* answer(wanted: Promise<boolean>): AsyncGenerator<Uint8Array> {
  if (await wanted) yield Buffer.from('\n');
}
