/**
 * What makes code find the packages of an environment wherever it lies: a step's work directory has no `node_modules`
 * above it. `require` asks NODE_PATH; for `import` a hook of the loader looks in the environment for what is not found
 * beside the code, which therefore comes first.
 */
export const LOAD = `import * as module from 'node:module';
import { look } from './resolve.mjs';
const of = new URL('./package.json', import.meta.url).href;
if (module.registerHooks) {
  module.registerHooks({
    resolve(specifier, context, next) {
      try {
        return next(specifier, context);
      } catch (error) {
        if (!look(specifier, error)) throw error;
        return next(specifier, { ...context, parentURL: of });
      }
    },
  });
} else module.register('./resolve.mjs', import.meta.url);
`;

/** The same for versions of Node.js whose hooks run in a thread of their own. */
export const RESOLVE = `const of = new URL('./package.json', import.meta.url).href;
const look = (specifier, error) =>
  /^(ERR_)?MODULE_NOT_FOUND$/.test(error?.code) && !/^(\\.{0,2}\\/|\\.{1,2}$|#|[A-Za-z][A-Za-z0-9+.-]*:)/.test(specifier);
async function resolve(specifier, context, next) {
  try {
    return await next(specifier, context);
  } catch (error) {
    if (!look(specifier, error)) throw error;
    return next(specifier, { ...context, parentURL: of });
  }
}
${'export'} { look, resolve };
`;

/** The \`node\` of an environment: the machine's, told where the packages are, and its children too. */
export function wrapper(node: string, packages: string, load: string): string {
  return `#!/bin/sh
case ":\${NODE_PATH-}:" in
*:${quoted(packages)}:*) ;;
*)
  NODE_PATH=${quoted(packages)}\${NODE_PATH:+:$NODE_PATH}
  NODE_OPTIONS="--import=${load}\${NODE_OPTIONS:+ $NODE_OPTIONS}"
  export NODE_PATH NODE_OPTIONS
  ;;
esac
exec ${quoted(node)} "$@"
`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
