import { buildPython } from '../../src/environments/python-environment.ts';

// One builder as a process of its own: node build.ts DIRECTORY CONTENTS; prints its progress, then where it is.
const [directory, contents] = process.argv.slice(2) as [string, string];
const built = await buildPython(JSON.parse(contents), { directory, onProgress: (line) => console.log(line) });
console.log(`bin ${built.bin}`);
