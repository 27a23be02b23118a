// Runs the tests that need a cluster on a real one, which is there for as long as they run: words are files of test/cluster.
import { globSync } from 'node:fs';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { startCluster } from '../test/components/cluster/cluster.ts';
import { missing } from '../test/components/installed.ts';

const TIMEOUT_MS = 15 * 60_000;

const wanting =
  process.getuid?.() === 0
    ? missing('containerd', 'ctr', 'runc', 'nft', 'ip', 'socat', 'openssl', 'setpriv', 'unshare', 'busybox')
    : 'it needs root, for namespaces, control groups and mounts';
if (wanting) {
  process.stderr.write(`there is no cluster here: ${wanting}\n`);
  process.exit(1);
}
const words = process.argv.slice(2);
const files = words.length > 0 ? words : globSync('test/cluster/**/*.test.ts').sort();
const startedAt = performance.now();
const cluster = await startCluster();
process.env.SAME_TEST_CLUSTER = cluster.directory;
const took = (sinceMs) => `${((performance.now() - sinceMs) / 1000).toFixed(1).padStart(6)} s`;
process.stderr.write(`${took(startedAt)} until the cluster was up\n`);

// One after the other: they stop parts of the cluster, and their waits are bounded.
const tests = run({ files, concurrency: 1, timeout: TIMEOUT_MS });
process.exitCode = 1;
tests.on('test:summary', ({ file, success }) => {
  if (file === undefined && success) process.exitCode = 0;
});
tests.on('test:complete', ({ file, name, nesting, details }) => {
  if (nesting === 0 && file?.endsWith(name))
    process.stderr.write(`${(details.duration_ms / 1000).toFixed(1).padStart(6)} s ${name}\n`);
});
tests.compose(spec).pipe(process.stdout);
tests.on('end', async () => {
  await cluster.dispose();
  process.stderr.write(`${took(startedAt)} in all\n`);
});
