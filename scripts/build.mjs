// Bundles src/cli into few CommonJS files: what every run needs, the pages of the other verbs, what reads sources
// (YAML, zod, git), what talks to registries, and what is drawn on a terminal. Few, because each file more costs start-up; apart, because bytes that are not used cost it too.
// CommonJS, because there a dynamic import is evaluated only when it is asked for.
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { build } from 'esbuild';

/**
 * Modules that take long to load, and that a file names for few of the things it can do, are loaded when something of
 * them is first used: some of node's, and what only runs and builds need.
 */
const LOADED_WHEN_USED = `"use strict";require=(load=>name=>{
if(!/^(node:(child_process|crypto|dns|http|https|net|tls|tty|v8|vm|zlib)|\\.\\/running\\.cjs)$/.test(name))return load(name);
let own;const all=()=>own??=load(name);
return new Proxy({},{get:(_,key)=>all()[key],has:(_,key)=>key in all(),ownKeys:()=>Reflect.ownKeys(all()),
getOwnPropertyDescriptor:(_,key)=>({...Reflect.getOwnPropertyDescriptor(all(),key),configurable:true})})
})(require);`.replaceAll('\n', '');

/** What `cli/running.ts` has, as the wiring names it. */
const RUNNING =
  /^\.\.\/(engines\/(forecast|local\/local-engine|(argo|kubeflow|kubernetes|podman|tekton)\/refusals|submitted\/system)|environments\/prepare|infrastructure\/(requirements|targets))\.ts$/;

/** @param apart sources that are files of their own, by the name that they are imported by */
async function filesOf(entryPoints, apart) {
  const { outputFiles } = await build({
    entryPoints,
    outdir: 'dist',
    write: false,
    outExtension: { '.js': '.cjs' },
    bundle: true,
    format: 'cjs',
    platform: 'node',
    target: 'node24',
    // import() of a file of ours becomes require: no second module loader at start-up.
    supported: { 'dynamic-import': false },
    define: { 'import.meta.dirname': '__dirname' },
    minify: true,
    legalComments: 'none',
    logLevel: 'warning',
    banner: { js: LOADED_WHEN_USED },
    plugins: [
      {
        name: 'files-apart',
        setup(bundler) {
          bundler.onResolve({ filter: /^\.\.?\/[a-z]+\.ts$/ }, ({ path, kind }) => {
            const file = kind === 'dynamic-import' && apart[basename(path, '.ts')];
            return file ? { path: `./${file}.cjs`, external: true } : undefined;
          });
          bundler.onResolve({ filter: RUNNING }, ({ importer }) =>
            apart.running && basename(importer) === 'wiring.ts'
              ? { path: './running.cjs', external: true }
              : undefined,
          );
          // Of the library of Kubernetes no more is used than what reads a kubeconfig: not what has a class for every
          // kind of object, nor the HTTP client that those speak by.
          bundler.onResolve({ filter: /^(undici|\.\/gen\/index\.js)$/ }, ({ importer }) =>
            importer.includes('@kubernetes/client-node')
              ? { path: 'nothing', namespace: 'unused' }
              : undefined,
          );
          bundler.onLoad({ filter: /.*/, namespace: 'unused' }, () => ({ contents: 'module.exports = {}' }));
          // As large as all that a run needs, and only programs with patterns need it.
          bundler.onResolve({ filter: /^re2js$/ }, ({ kind }) =>
            kind === 'entry-point' ? undefined : { path: './re2js.cjs', external: true },
          );
        },
      },
    ],
  });
  return outputFiles;
}

const late = {
  pages: 'pages',
  cold: 'cold',
  mlflow: 'mlflow',
  metadata: 'metadata',
  postgresql: 'postgresql',
  help: 'help',
  live: 'live',
  conformance: 'conformance',
  compile: 'compile',
  clusters: 'clusters',
  listing: 'listing',
};
const [most, push, list] = await Promise.all([
  filesOf(
    {
      same: 'src/cli/main.ts',
      pages: 'src/cli/pages.ts',
      cold: 'src/cli/cold.ts',
      mlflow: 'src/cli/mlflow.ts',
      metadata: 'src/cli/metadata.ts',
      postgresql: 'src/cli/postgresql.ts',
      remote: 'src/cli/remote.ts',
      running: 'src/cli/running.ts',
      help: 'src/cli/help.ts',
      live: 'src/cli/live.ts',
      conformance: 'src/cli/conformance.ts',
      compile: 'src/cli/compile.ts',
      clusters: 'src/cli/clusters.ts',
      listing: 'src/cli/listing.ts',
      re2js: 're2js',
    },
    { ...late, remote: 'remote' },
  ),
  // Talks to a registry whatever it does, and hands over to the others when it is asked for more.
  filesOf({ push: 'src/cli/push.ts' }, { ...late, main: 'same', running: 'running' }),
  // Looks into the index whatever it does.
  filesOf(
    { list: 'src/cli/list.ts' },
    { ...late, listing: undefined, remote: 'remote', main: 'same', running: 'running' },
  ),
]);
const outputFiles = [
  ...most,
  ...push,
  ...list,
  { path: 'dist/shim.sh', contents: readFileSync('src/engines/shim.sh') },
];

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
