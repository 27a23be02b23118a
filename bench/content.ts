import { randomBytes } from 'node:crypto';
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** A program of random bytes, which no compressor shrinks, as weights and images are. */
export interface Content {
  name: string;
  label: string;
  /** Writes the program, below a folder that it makes. */
  write(folder: string): void;
}

/** One long file, and many short ones. */
export const contents: readonly [Content, Content] = [
  contentOf('long', '1 GiB', 1, 2 ** 30),
  contentOf('many', '10,000 × 10 KB', 10_000, 10_000),
];

function contentOf(name: string, label: string, files: number, fileBytes: number): Content {
  return {
    name,
    label,
    write(folder) {
      mkdirSync(join(folder, 'data'), { recursive: true });
      writeFileSync(join(folder, 'same.yaml'), manifestOf(name));
      for (let at = 0; at < files; at++) {
        const fd = openSync(join(folder, 'data', `${String(at).padStart(5, '0')}.bin`), 'w');
        for (let left = fileBytes; left > 0; left -= 2 ** 20) {
          writeSync(fd, randomBytes(Math.min(left, 2 ** 20)));
        }
        closeSync(fd);
      }
    },
  };
}

function manifestOf(name: string): string {
  return `apiVersion: same/v1
kind: Program
metadata: {name: ${name}, version: "1.0"}
pipeline: {steps: {main: {run: "true"}}}
`;
}
