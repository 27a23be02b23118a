import type { Agent } from 'node:http';
import type { OnReadOpts, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { takeBlock } from './blocks.ts';

/**
 * What a connection reads. A long body of known length is read straight into large blocks, past node's HTTP parser, which
 * would make a copy of every 16 or 64 KiB: that costs more than decrypting them.
 */
export interface Intake {
  /**
   * From now on, what is read goes to `take`, in blocks, which it may give back, until so many bytes have come. Then the
   * connection is of no use to others.
   */
  divert(leftBytes: number, take: (block: Buffer) => void): void;
  /** Hands over what has come of the next block. */
  flush(): void;
}

const SCRATCH = Buffer.allocUnsafeSlow(64 * 1024);
const intakes = new WeakMap<Duplex, Intake>();

/** The intake of a connection that an agent made after {@link openIntakes}. */
export function intakeOf(socket: Duplex | null): Intake | undefined {
  return socket ? intakes.get(socket) : undefined;
}

/** Makes an agent's connections so that what they read can be diverted. Not for one that may use a proxy. */
export function openIntakes(agent: Agent): void {
  const { createConnection } = agent;
  agent.createConnection = (options, done) => {
    let socket: Socket | undefined;
    const { intake, onread } = openIntake((bytes) => socket!.push(bytes));
    socket = createConnection.call(agent, { ...options, onread } as typeof options, done) as Socket;
    intakes.set(socket, intake);
    return socket;
  };
}

function openIntake(push: (bytes: Buffer) => boolean): { intake: Intake; onread: OnReadOpts } {
  let take: ((block: Buffer) => void) | undefined;
  let left = 0;
  let block = SCRATCH;
  let filled = 0;

  function flush(): void {
    if (!take || filled === 0) return;
    const ready = block.subarray(0, filled);
    block = block.subarray(filled);
    filled = 0;
    // Of what comes after the last byte nothing is wanted.
    if (left === 0) block = SCRATCH;
    else if (block.length === 0) block = takeBlock();
    take(ready);
  }

  return {
    intake: {
      divert(leftBytes, to) {
        [left, take] = [leftBytes, to];
        block = takeBlock();
      },
      flush,
    },
    onread: {
      buffer: () => (take ? block.subarray(filled) : SCRATCH),
      callback(count, from) {
        if (!take) return push(Buffer.from(from.subarray(0, count)));
        let read = Math.min(count, left);
        // The first read after the change had been prepared before it.
        if (from.buffer !== block.buffer) {
          const rest = Buffer.from(from.subarray(0, read));
          for (let at = 0; at < rest.length; ) {
            const part = rest.copy(block, filled, at);
            at += part;
            filled += part;
            left -= part;
            if (filled === block.length || left === 0) flush();
          }
          read = 0;
        }
        filled += read;
        left -= read;
        if (read > 0 && (filled === block.length || left === 0)) flush();
        return true;
      },
    },
  };
}
