// Runs the test suites with node's own runner; words are files or rooms: `npm test -- bundle`.
import { globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { runSuite } from './suite.mjs';

/**
 * Files that take longest, longest first: they start first, so that none of them goes on alone in the end. How long
 * each took is said as it ends: one that is slow and not here belongs here.
 */
const SLOWEST = [
  'e2e/huge-bundles',
  'engines/podman',
  'e2e/examples',
  'e2e/flip-every-field',
  'e2e/registry-faults',
  'e2e/crash-matrix',
  'interop/kubeflow',
  'interop/reading',
  'engines/local',
  'e2e/history',
  'e2e/damaged-records',
  'interop/registry',
  'interop/registries',
  'e2e/home',
  'e2e/readme',
  'e2e/sweep-resume',
  'e2e/interruption',
  'engines/podman-containers',
  'e2e/reuse',
  'e2e/registry-push',
  'e2e/hard-ends',
  'e2e/identity',
  'environments/python-environment',
  'conformance/unseen',
  'e2e/push-pull',
  'e2e/gc',
  'e2e/export-forms',
  'e2e/look-into-registry',
  'e2e/big-content',
  'e2e/copy',
  'e2e/data-that-travels',
  'conformance/runner',
].map((name) => `test/${name}.test.ts`);
/** Two files a core, for half of the time they wait for disks, containers and processes; more are untried. */
const AT_ONCE = Math.min(8, 2 * availableParallelism());
const TIMEOUT_MS = 25 * 60_000;

const rooms = process.argv.slice(2);
const files =
  rooms.length === 0
    ? // Those of the cluster have a script of their own, which starts one.
      globSync('test/**/*.test.ts', { exclude: ['test/cluster/**'] })
    : rooms.flatMap((room) => globSync(room.endsWith('.ts') ? room : `test/${room}/**/*.test.ts`));
if (files.length === 0) {
  process.stderr.write(`no tests match: ${rooms.join(' ')}\n`);
  process.exit(1);
}
const place = (file) => (SLOWEST.includes(file) ? SLOWEST.indexOf(file) : SLOWEST.length);
files.sort((a, b) => place(a) - place(b) || (a < b ? -1 : 1));

// NODE_OPTIONS and NODE_EXTRA_CA_CERTS stay as they are: a user's machine has them too.
await runSuite(files, { concurrency: AT_ONCE, timeout: TIMEOUT_MS });
