import { SameError } from '../errors/same-error.ts';
import type { HistoryChoice } from '../operations/select-runs.ts';

/** How a registry is to be reached, as options of a command say it. */
export interface RegistryOptions {
  plainHttp?: true;
  ca?: string;
  username?: string;
  passwordStdin?: true;
}

/** The options without which a registry is not reached, to be put behind a command that is hinted at. */
export function accessWords({ plainHttp, ca }: RegistryOptions): string {
  return `${plainHttp ? ' --plain-http' : ''}${ca === undefined ? '' : ` --ca ${ca}`}`;
}

/** `none`, `latest`, `best[:METRIC[:lower|higher]]`, `all`, `where CONDITION`, or ids. */
export function historyChoice(text: string): HistoryChoice {
  if (text === 'none' || text === 'latest' || text === 'all') return text;
  if (text === 'best' || text.startsWith('best:')) return { best: text.slice('best:'.length) };
  if (/^where\s/i.test(text)) return { where: text.slice('where '.length) };
  return text.split(',').map((id) => id.trim());
}

/** What is said of commands that go on when they are called again after an interruption. */
const GOES_ON: Record<string, string> = {
  'same push': 'the same command again goes on: what is there whole is not sent once more',
  'same pull': 'the same command again goes on: what came of long files is not fetched once more',
};

/**
 * The same error with commands in its hints that reach the registry as this one was told to, and with what goes on.
 * @param command like `same push`
 */
export function explained(error: unknown, command: string, options: RegistryOptions): unknown {
  if (!(error instanceof SameError)) return error;
  const words = accessWords(options);
  const again = error.code === 'SAME1903' ? GOES_ON[command.replace(/ program$/, '')] : undefined;
  if (words === '' && again === undefined) return error;
  const { findings, cause, details } = error;
  return new SameError(
    findings.map(({ hint = again, ...finding }) => ({
      ...finding,
      ...(hint === undefined ? {} : { hint: REGISTRY_COMMAND.test(hint) ? `${hint}${words}` : hint }),
    })),
    { cause, details },
  );
}

/** A hint that ends with a command which talks to a registry. */
const REGISTRY_COMMAND =
  /\bsame (login |((pull|push|copy|unpack|list (tags|runs)|show program|verify integrity|create program)\b[^;]*oci:\/\/))[^;]*$/;
