import { closeSync, openSync, readSync, statSync } from '../../host/files.ts';

/** Reading ends before anything else has its turn, so all logs share it. */
const buffer = Buffer.allocUnsafeSlow(65_536);

/** Reads what a log file gained since the last call and hands on its whole lines, at most the last 64 KiB of them. */
export function followLines(path: string, onLines: (lines: string[]) => void): { read(): void; end(): void } {
  let fd: number | undefined;
  let offset = 0;
  let rest = '';
  let torn = false;
  const read = () => {
    const sizeBytes = statSync(path).size;
    if (sizeBytes <= offset) return;
    const behind = sizeBytes - offset - buffer.length;
    if (behind > 0) {
      // People see the end of a fast output; the log has all of it.
      offset += behind;
      rest = '';
      torn = true;
    }
    fd ??= openSync(path, 'r');
    const size = readSync(fd, buffer, 0, buffer.length, offset);
    offset += size;
    const lines = (rest + buffer.toString('utf8', 0, size)).split('\n');
    rest = lines.pop() ?? '';
    // A bar that is drawn again and again stays in one line: people see it as it stands.
    const drawn = rest.lastIndexOf('\r');
    if (drawn >= 0 && !torn) {
      lines.push(rest.slice(0, drawn));
      rest = rest.slice(drawn + 1);
    }
    // The line that reading began in: its head was left out, with what masking would know a secret by.
    if (torn && lines.length > 0) {
      lines.shift();
      torn = false;
    }
    if (lines.length > 0) onLines(lines.map(lastDrawn));
  };
  return {
    read,
    end() {
      read();
      if (rest !== '' && !torn) onLines([lastDrawn(rest)]);
      if (fd !== undefined) closeSync(fd);
    },
  };
}

/** What of a line is left on a terminal: each carriage return goes back to its beginning. */
function lastDrawn(line: string): string {
  const text = line.endsWith('\r') ? line.slice(0, -1) : line;
  return text.slice(text.lastIndexOf('\r') + 1);
}
