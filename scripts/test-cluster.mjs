// Runs the tests that need a cluster on a real one, which is there for as long as they run: words are files of test/cluster.
import { globSync } from 'node:fs';
import { startCluster } from '../test/components/cluster/cluster.ts';
import { missing } from '../test/components/installed.ts';
import { runSuite, seconds } from './suite.mjs';

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
const took = () => seconds(performance.now() - startedAt);
process.stderr.write(`${took()} until the cluster was up\n`);

// One after the other: they stop parts of the cluster, and their waits are bounded.
await runSuite(files, { concurrency: 1, timeout: TIMEOUT_MS });
await cluster.dispose();
process.stderr.write(`${took()} in all\n`);
