import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';

/** Whether a process is there and not merely waiting to be reaped. */
export function isAlive(pid: number): boolean {
  if (existsSync('/proc/self/stat')) {
    try {
      const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
      return !'ZX'.includes(text[text.lastIndexOf(')') + 2]!);
    } catch {
      return false;
    }
  }
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Looks again and again until a fact holds. Fails after `limitMs` with what was waited for. */
export async function until(
  what: string,
  fact: () => boolean | Promise<boolean>,
  limitMs = 20_000,
): Promise<void> {
  const startedAt = performance.now();
  while (!(await fact())) {
    assert.ok(performance.now() - startedAt < limitMs, `waited ${limitMs} ms in vain until ${what}`);
    await new Promise((done) => setTimeout(done, 1));
  }
}
