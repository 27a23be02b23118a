import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** One page of the specification. */
export interface Page {
  /** Relative to `spec/`, for instance `v1/bundle.md`. */
  path: string;
  text: string;
}

/** One fenced block: its info string, its content, and the line its fence opens on. */
export interface Example {
  info: string;
  text: string;
  place: string;
}

export const specDirectory = join(import.meta.dirname, '../../spec');

/** The prefix of the clauses of each chapter. */
export const prefixes: Record<string, string> = {
  'v1/program.md': 'PRG',
  'v1/parameters.md': 'PAR',
  'v1/references.md': 'REF',
  'v1/pipeline.md': 'PIP',
  'v1/step-contract.md': 'STP',
  'v1/engines.md': 'ENG',
  'v1/run-record.md': 'RUN',
  'v1/bundle.md': 'BND',
  'v1/registries.md': 'REG',
  'v1/claims.md': 'CLM',
  'v1/sweeps.md': 'SWP',
  'v1/errors.md': 'ERR',
};

/** All pages, sorted by path. */
export function readPages(): Page[] {
  return readdirSync(specDirectory, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.md'))
    .sort()
    .map((path) => ({ path, text: readFileSync(join(specDirectory, path), 'utf8') }));
}

/** The fenced blocks of a page, in order. */
export function examplesOf(page: Page): Example[] {
  const examples: Example[] = [];
  const lines = page.text.split('\n');
  for (let at = 0; at < lines.length; at++) {
    const open = /^```(.*)$/.exec(lines[at]!);
    if (!open) continue;
    const start = at + 1;
    do at++;
    while (at < lines.length && lines[at] !== '```');
    if (at === lines.length) throw new Error(`spec/${page.path}:${start}: block is not closed`);
    examples.push({
      info: open[1]!.trim(),
      text: `${lines.slice(start, at).join('\n')}\n`,
      place: `spec/${page.path}:${start}`,
    });
  }
  return examples;
}

/** All fenced blocks of all pages whose info string fits. */
export function examples(info: RegExp): Example[] {
  return readPages()
    .flatMap(examplesOf)
    .filter((example) => info.test(example.info));
}

/** Page text without its fenced blocks, so that rules about prose see prose only; line numbers stay. */
export function proseOf(page: Page): string {
  let inside = false;
  return page.text
    .split('\n')
    .map((line) => {
      const fence = line.startsWith('```');
      if (fence) inside = !inside;
      return fence || inside ? '' : line;
    })
    .join('\n');
}
