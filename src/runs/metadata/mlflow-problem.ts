import { SameError } from '../../errors/same-error.ts';
import { isJsonObject, type JsonObject } from '../../program/json.ts';

const LONGEST_WORDS = 300;
const LOGIN_HINT =
  'set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN, then: same deliver';

/** Whether a status tells of something that passes; what a server was told not to serve does not. */
export function isPassingStatus(status: number, text: string): boolean {
  if (/disabled due to/i.test(text)) return false;
  return status === 408 || status === 429 || (status >= 500 && status !== 501);
}

/** The object that an answer is, or undefined. An empty answer is an empty one. */
export function saidBy(text: string): JsonObject | undefined {
  if (text === '') return {};
  try {
    const value = JSON.parse(text);
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** What a wire says of a server that gave no answer; other errors are passed on. */
export function unreachable(error: unknown, address: string): SameError {
  if (!(error instanceof SameError)) throw error;
  if (error.code !== 'SAME1801') return error;
  const { why, reason } = error.details;
  const hint =
    reason === 'authority'
      ? `name the file of its authority: same set store mlflow ${address} --ca FILE`
      : reason === 'plain'
        ? `it speaks plain HTTP: same set store mlflow ${address.replace(/^https/, 'http')}`
        : 'once it is there: same deliver';
  return new SameError(
    {
      code: 'SAME1811',
      message: `the tracking server ${address}: ${error.findings[0]!.message}`,
      place: address,
      hint,
    },
    { cause: error, details: { ...error.details, why, passing: true, isDown: true } },
  );
}

/** The error that an answer is which was not expected. */
export function serverProblem(about: {
  address: string;
  call: { method: string; path: string };
  status: number;
  text: string;
  said: JsonObject | undefined;
  hasLogin: boolean;
  headers: Record<string, string | string[] | undefined>;
}): SameError {
  const { address, call, status, text, said, hasLogin, headers } = about;
  const asked = `${call.method} ${call.path.split('?')[0]}`;
  const words = wordsOf(text, said);
  const answered = `${asked} was answered with ${status}${words && ` (${words})`}`;
  const details = { status, error_code: said?.error_code };
  const problem = (code: 'SAME1811' | 'SAME1812' | 'SAME1813', message: string, hint: string, more = {}) =>
    new SameError({ code, message, place: address, hint }, { details: { ...details, ...more } });
  if (status === 401 || status === 403) {
    const login = hasLogin
      ? 'does not accept the login, or it does not allow this'
      : 'wants a login, or does not allow this';
    return problem('SAME1812', `the tracking server ${address} ${login}: ${answered}`, LOGIN_HINT, {
      passing: true,
      isDown: true,
    });
  }
  if (isPassingStatus(status, text))
    return problem(
      'SAME1811',
      `the tracking server ${address} is in trouble: ${answered}`,
      'later: same deliver',
      {
        passing: true,
      },
    );
  if (status >= 300 && status < 400) {
    const to = String(headers.location ?? 'elsewhere').split('?')[0]!;
    const url = URL.parse(to);
    return problem(
      'SAME1811',
      `the tracking server ${address} leads to ${to}: redirects are not followed`,
      `set that address: same set store mlflow ${/^https?:$/.test(url?.protocol ?? '') ? url!.origin : 'URL'}`,
      { passing: true, isDown: true },
    );
  }
  if (!said || said.error_code === undefined)
    return problem(
      'SAME1811',
      `${address} does not answer as a tracking server of MLflow: ${answered}`,
      'look at the address: same show store',
      { passing: true, isDown: true },
    );
  return problem(
    'SAME1813',
    `the tracking server ${address} refuses this: ${answered}`,
    'see: same show store',
  );
}

function wordsOf(text: string, said: JsonObject | undefined): string {
  const words = said
    ? [said.error_code, said.message].filter((part) => typeof part === 'string').join(': ')
    : /^\s*</.test(text)
      ? 'a page'
      : text;
  const line = words.replace(/[\u0000-\u0020\u007f-\u009f\u2028-\u202e\u2066-\u2069]+/g, ' ').trim();
  return line.length > LONGEST_WORDS ? `${line.slice(0, LONGEST_WORDS - 1)}…` : line;
}
