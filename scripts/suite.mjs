import { run } from 'node:test';
import { spec } from 'node:test/reporters';

/**
 * Runs files of tests with node's own runner, and makes this process fail where one of them does. How long each file took
 * is said as it ends: the report is in the order of files, whoever ends first.
 * @param options `concurrency`: how many files at once; `timeout`: of each, in ms
 * @returns a promise of the end of all of them
 */
export function runSuite(files, options) {
  const tests = run({ files, ...options });
  process.exitCode = 1;
  tests.on('test:summary', ({ file, success }) => {
    if (file === undefined && success) process.exitCode = 0;
  });
  tests.on('test:complete', ({ file, name, nesting, details }) => {
    if (nesting === 0 && file?.endsWith(name))
      process.stderr.write(`${seconds(details.duration_ms)} ${name}\n`);
  });
  tests.compose(spec).pipe(process.stdout);
  return new Promise((done) => tests.on('end', done));
}

/** A time for the head of a line. */
export function seconds(ms) {
  return `${(ms / 1000).toFixed(1).padStart(6)} s`;
}
