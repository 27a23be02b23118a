import { SameError } from '../errors/same-error.ts';
import type { Program } from '../program/schema.ts';
import type { SourceTree } from '../sources/source.ts';

/** The version of a program that only holds runs which were made elsewhere. */
const VERSION = '0';
const LONGEST_NAME = 64;
/** What it would run, were it run: it tells such a program from others too, and so can never change. */
const COMMAND =
  'echo "there is nothing to run: this program holds runs that were made elsewhere" >&2; exit 1';

/**
 * A program that holds runs which were made elsewhere and runs nothing (spec SAME-RUN-084): the same bytes for one name
 * wherever it is made.
 */
export function placeholderTree(name: string): SourceTree {
  const bytes = Buffer.from(`apiVersion: same/v1
kind: Program
metadata:
  name: ${JSON.stringify(name)}
  version: "${VERSION}"
  description: Holds runs that were made elsewhere. There is nothing to run.
pipeline:
  steps:
    main:
      run: '${COMMAND}'
`);
  return {
    kind: 'tree',
    files: [
      {
        path: 'same.yaml',
        executable: false,
        sizeBytes: bytes.length,
        chunks: () => [bytes],
        bytes: async () => bytes,
      },
    ],
    refused: [],
    notices: [],
    origin: { kind: 'directory' },
    label: `the program for runs of ${name}`,
    soft: false,
    [Symbol.dispose]() {},
  };
}

/** Whether a program only holds runs that were made elsewhere. */
export function isPlaceholder({ pipeline }: Program): boolean {
  const [step, ...others] = Object.values(pipeline.steps);
  return others.length === 0 && step?.run === COMMAND;
}

/** @throws SAME1619 for a program that only holds runs: nothing in it could succeed */
export function refusePlaceholder(program: Program): void {
  if (!isPlaceholder(program)) return;
  const { name, version } = program.metadata;
  throw new SameError({
    code: 'SAME1619',
    message: `${name}:${version} only holds runs that were made elsewhere: there is nothing to run`,
    hint: `its runs: same list runs -n ${name}:${version}`,
    clause: 'SAME-RUN-084',
  });
}

/** A name for a program, as near as may be to what another tool calls its runs. */
export function nameFrom(group: string): string {
  const name = group
    .normalize('NFKD')
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+|[^A-Za-z0-9]+$/g, '')
    .slice(0, LONGEST_NAME)
    .replace(/[^A-Za-z0-9]+$/, '');
  return name === '' ? 'imported' : name;
}
