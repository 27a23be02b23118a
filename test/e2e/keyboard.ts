import { execFile } from 'node:child_process';
import { checkout, type Rig, same } from './rig.ts';

/** What a terminal showed, and how the command at it ended. */
export interface AtTerminal {
  /** Everything that was on the screen, of both outputs. */
  screen: string;
  code: number;
  /** Whether keys that are pressed are shown again now that the command is over. */
  echoes: boolean;
}

/** Runs words at a pseudo-terminal; each answer is typed once its question is on the screen. */
const DRIVER = `
import json, os, pty, select, signal, sys, termios, time
words, answers = json.loads(sys.argv[1]), json.loads(sys.argv[2])
child, terminal = pty.fork()
if child == 0:
    os.execvp(words[0], words)
screen, seen, until = b'', 0, time.monotonic() + 20
while time.monotonic() < until:
    if answers and answers[0][0].encode() in screen[seen:]:
        seen = len(screen)
        os.write(terminal, answers.pop(0)[1].encode())
    if not select.select([terminal], [], [], 1)[0]:
        continue
    try:
        piece = os.read(terminal, 65536)
    except OSError:
        break
    if not piece:
        break
    screen += piece
    echoes = bool(termios.tcgetattr(terminal)[3] & termios.ECHO)
else:
    os.kill(child, signal.SIGKILL)
code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
print(json.dumps({'screen': screen.decode(), 'code': code, 'echoes': echoes, 'left': answers}))
`;

/** Runs the built command at a terminal. @param answers what is typed after which question */
export function typed(
  rig: Rig,
  words: string[],
  answers: [question: string, keys: string][],
  env: Record<string, string> = {},
): Promise<AtTerminal> {
  const { SAME_HOME: _, ...inherited } = process.env;
  return new Promise((done, fail) => {
    execFile(
      'python3',
      ['-c', DRIVER, JSON.stringify([process.execPath, same, ...words]), JSON.stringify(answers)],
      {
        cwd: checkout,
        env: {
          ...inherited,
          HOME: rig.path('user'),
          SAME_HOME: rig.home,
          TERM: 'xterm',
          NO_COLOR: '1',
          ...env,
        },
      },
      (error, stdout) => {
        if (error) fail(error);
        else done(JSON.parse(stdout) as AtTerminal);
      },
    );
  });
}
