// Bundles src/cli into few CommonJS files: what every run needs, the pages of the other verbs, what reads sources
// (YAML, zod, git), and what talks to registries. Few, because each file more costs start-up; apart, because bytes that are not used cost it too.
// CommonJS, because there a dynamic import is evaluated only when it is asked for.
import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { build } from 'esbuild';

const files = {
  same: 'src/cli/main.ts',
  pages: 'src/cli/pages.ts',
  cold: 'src/cli/cold.ts',
  remote: 'src/cli/remote.ts',
  help: 'src/cli/help.ts',
  conformance: 'src/cli/conformance.ts',
  re2js: 're2js',
};

const { outputFiles } = await build({
  entryPoints: files,
  outdir: 'dist',
  write: false,
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
        bundler.onResolve(
          { filter: /^\.\.?\/(pages|cold|remote|help|conformance)\.ts$/ },
          ({ path, kind }) =>
            kind === 'dynamic-import'
              ? { path: `./${basename(path, '.ts')}.cjs`, external: true }
              : undefined,
        );
        // As large as all that a run needs, and only programs with patterns need it.
        bundler.onResolve({ filter: /^re2js$/ }, ({ kind }) =>
          kind === 'entry-point' ? undefined : { path: './re2js.cjs', external: true },
        );
      },
    },
  ],
});

// File by file into place: a command that runs meanwhile finds each of them, old or new.
mkdirSync('dist', { recursive: true });
for (const { path, contents } of outputFiles) {
  const temporary = `${path}.tmp-${process.pid}`;
  writeFileSync(temporary, contents);
  renameSync(temporary, path);
}
const built = outputFiles.map(({ path }) => basename(path));
for (const name of readdirSync('dist'))
  if (!built.includes(name)) rmSync(join('dist', name), { recursive: true });
