// Bundles src/cli into few CommonJS files: what every run needs, the pages of the other verbs, and what reads sources
// (YAML, zod, git). Few, because each file more costs start-up; apart, because bytes that are not used cost it too.
// CommonJS, because there a dynamic import is evaluated only when it is asked for.
import { rmSync } from 'node:fs';
import { build } from 'esbuild';

const files = {
  same: 'src/cli/main.ts',
  pages: 'src/cli/pages.ts',
  cold: 'src/cli/cold.ts',
  help: 'src/cli/help.ts',
  re2js: 're2js',
};

rmSync('dist', { recursive: true, force: true });
await build({
  entryPoints: files,
  outdir: 'dist',
  outExtension: { '.js': '.cjs' },
  bundle: true,
  format: 'cjs',
  platform: 'node',
  target: 'node24',
  // import() of a file of ours becomes require: no second module loader at start-up.
  supported: { 'dynamic-import': false },
  minify: true,
  legalComments: 'none',
  logLevel: 'warning',
  plugins: [
    {
      name: 'files-apart',
      setup(bundler) {
        bundler.onResolve({ filter: /^\.\/(pages|cold|help)\.ts$/ }, ({ path, kind }) =>
          kind === 'dynamic-import' ? { path: path.replace('.ts', '.cjs'), external: true } : undefined,
        );
        // As large as all that a run needs, and only programs with patterns need it.
        bundler.onResolve({ filter: /^re2js$/ }, ({ kind }) =>
          kind === 'entry-point' ? undefined : { path: './re2js.cjs', external: true },
        );
      },
    },
  ],
});
