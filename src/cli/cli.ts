import type { Finding } from '../errors/same-error.ts';
import type { Ports } from '../operations/ports.ts';

/** What a command page has of the terminal and the process. */
export interface Cli {
  /** Data for the caller: stdout. */
  print(text: string): void;
  /** Everything else: stderr; nothing with --quiet. */
  say(text: string): void;
  /** One JSON document on stdout, with its apiVersion and kind. */
  printJson(kind: string, value: object): void;
  /** Set by `--json`. */
  json: boolean;
  /** Set by `--quiet`. */
  quiet: boolean;
  /** Colour and live lines on stderr. */
  live: boolean;
  colour: boolean;
  /** Adapters, built on first use. */
  ports(): Ports;
  /** Builds the adapters, for the variables of this process or others: set by the chunk that holds them. */
  open(cli: Cli, variables?: Record<string, string>): Ports;
  /** Said at the first Ctrl-C. */
  stopping: string;
  /** What the process will exit with. */
  exitCode: number;
  /** Warnings so far: they go into JSON results. */
  warnings: Finding[];
}
