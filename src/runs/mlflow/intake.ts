import { randomBytes } from 'node:crypto';
import type { AttemptIntake, Intake, IntakeRequest } from '../../engines/intake.ts';
import { type Listener, listenOnLoopback } from '../../host/listener.ts';
import type { IntakeServer, OpenAttempt } from './intake-server.ts';

const TOKEN_BYTES = 16;

/**
 * Where the steps of this process log to through MLflow's protocol: one port of the loopback interface, one secret path for
 * each attempt.
 * @param load what speaks the protocol; asked for when the first step does
 */
export function openIntake(
  load: (attempts: ReadonlyMap<string, OpenAttempt>) => Promise<IntakeServer>,
): Intake {
  const open = new Map<string, OpenAttempt>();
  let listening: Promise<Listener | undefined> | undefined;
  let server: Promise<IntakeServer> | undefined;
  const listen = () =>
    listenOnLoopback(async (socket) => {
      server ??= load(open);
      (await server).take(socket);
    }).catch(() => undefined);
  return {
    async open(request: IntakeRequest): Promise<AttemptIntake | undefined> {
      listening ??= listen();
      const listener = await listening;
      if (!listener) return undefined;
      const token = randomBytes(TOKEN_BYTES).toString('hex');
      const attempt: OpenAttempt = { request };
      open.set(token, attempt);
      return {
        variables: {
          MLFLOW_TRACKING_URI: `http://127.0.0.1:${listener.port}/${token}`,
          MLFLOW_RUN_ID: request.runId,
        },
        close() {
          open.delete(token);
          return attempt.end?.();
        },
      };
    },
  };
}
