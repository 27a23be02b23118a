import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { followLines } from '../../src/engines/attempt/log-lines.ts';

describe('the lines of a log that grows', () => {
  it('are those that a terminal would show: a bar that is drawn again and again is told as it stands', () => {
    const directory = mkdtempSync(join(tmpdir(), 'same-log-'));
    try {
      const path = join(directory, 'log');
      writeFileSync(path, '');
      const told: string[][] = [];
      const log = followLines(path, (lines) => told.push(lines));
      const write = (text: string) => {
        appendFileSync(path, text);
        log.read();
      };
      write('one\r\ntwo\n');
      write(' 10 %\r 20 %\r');
      write(' 30 %\r 4');
      write('0 %\rdone \nlast');
      log.end();
      assert.deepEqual(told, [['one', 'two'], [' 20 %'], [' 30 %'], ['done '], ['last']]);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
