// Bundles src/cli into one CommonJS file. One file, because each more costs start-up; CommonJS, because there what a
// dynamic import leads to (YAML, zod, git, Node's own heavy modules) is evaluated only when it is asked for.
import { rmSync } from 'node:fs';
import { build } from 'esbuild';

rmSync('dist', { recursive: true, force: true });
await build({
  entryPoints: ['src/cli/main.ts'],
  outfile: 'dist/same.cjs',
  bundle: true,
  format: 'cjs',
  platform: 'node',
  target: 'node24',
  minify: true,
  legalComments: 'none',
  logLevel: 'warning',
});
