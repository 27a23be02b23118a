import { execFile } from 'node:child_process';
import { type Rig, same } from './rig.ts';

/** A terminal of a size, and what is done at it once a text has been on it. */
export interface Terminal {
  columns: number;
  rows: number;
  /** In order; each waits for its text in what was printed since the one before: keys, a new size, a file made. */
  acts?: { at: string; keys?: string; size?: [columns: number, rows: number]; touch?: string }[];
  env?: Record<string, string>;
  cwd?: string;
}

/** What a command wrote to a terminal, byte for byte, and how it ended: below 0 by a signal. */
export interface Shown {
  written: string;
  code: number;
}

const DRIVER = `
import fcntl, json, os, pty, select, signal, struct, sys, termios, time
words, size, todo = json.loads(sys.argv[1]), json.loads(sys.argv[2]), json.loads(sys.argv[3])
def resize(terminal, columns, rows):
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))
ready, go = os.pipe()
child, terminal = pty.fork()
if child == 0:
    os.read(ready, 1)
    os.execvp(words[0], words)
resize(terminal, *size)
os.write(go, b'.')
written, seen, until = b'', 0, time.monotonic() + 60
while time.monotonic() < until:
    if todo and todo[0]['at'].encode() in written[seen:]:
        seen = len(written)
        do = todo.pop(0)
        if 'keys' in do:
            os.write(terminal, do['keys'].encode())
        if 'size' in do:
            resize(terminal, *do['size'])
        if 'touch' in do:
            open(do['touch'], 'w').close()
        continue
    if not select.select([terminal], [], [], 1)[0]:
        continue
    try:
        piece = os.read(terminal, 65536)
    except OSError:
        break
    if not piece:
        break
    written += piece
else:
    os.kill(child, signal.SIGKILL)
code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
print(json.dumps({'written': written.decode(), 'code': code, 'left': todo}))
`;

/** Runs the built command at a pseudo-terminal. Fails when a text it waits for never comes. */
export function atTerminal(rig: Rig, words: string[], terminal: Terminal): Promise<Shown> {
  const { SAME_HOME: _, CI: __, NO_COLOR: ___, ...inherited } = process.env;
  const { columns, rows, acts = [], env = {}, cwd = rig.root } = terminal;
  return new Promise((done, fail) => {
    execFile(
      'python3',
      [
        '-c',
        DRIVER,
        ...[[process.execPath, same, ...words], [columns, rows], acts].map((each) => JSON.stringify(each)),
      ],
      {
        cwd,
        env: { ...inherited, HOME: rig.path('user'), SAME_HOME: rig.home, TERM: 'xterm', ...env },
        maxBuffer: 2 ** 26,
      },
      (error, stdout) => {
        if (error) return fail(error);
        const shown = JSON.parse(stdout) as Shown & { left: unknown[] };
        if (shown.left.length > 0)
          fail(new Error(`never seen: ${JSON.stringify(shown.left)}\n${shown.written}`));
        else done(shown);
      },
    );
  });
}

/** What a person sees on a terminal of a width that was written to: the rows, and whether the cursor is visible. */
export interface Screen {
  rows: string[];
  cursorVisible: boolean;
}

/** Does what a terminal does with the sequences that this product writes. @throws of any other one */
export function screenOf(written: string, columns: number): Screen {
  const rows: string[][] = [[]];
  let [row, column, cursorVisible] = [0, 0, true];
  const put = (sign: string) => {
    if (column === columns) [row, column] = [row + 1, 0];
    const line = rows[row] ?? [];
    rows[row] = line;
    while (line.length < column) line.push(' ');
    line[column++] = sign;
  };
  const sequence = /\u001b\[(\?25[hl]|[0-9]*[AJKm]|[0-9;]+m)|[\s\S]/gu;
  for (const [text, command] of written.matchAll(sequence)) {
    if (text === '\u001b')
      throw new Error(`what is ${JSON.stringify(written.slice(written.indexOf(text)).slice(0, 9))}?`);
    if (command === undefined) {
      if (text === '\r') column = 0;
      else if (text === '\n') {
        row++;
        rows[row] ??= [];
      } else put(text);
    } else if (command.startsWith('?25')) cursorVisible = command.endsWith('h');
    else if (command.endsWith('A')) row = Math.max(0, row - Number(command.slice(0, -1) || 1));
    else if (command.endsWith('K')) rows[row] = [];
    else if (command.endsWith('J')) {
      rows.length = row + 1;
      rows[row] = rows[row]!.slice(0, column);
    }
  }
  return { rows: rows.map((line) => line.join('').trimEnd()), cursorVisible };
}
