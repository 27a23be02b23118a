import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { after, describe, it } from 'node:test';
import { until } from '../components/facts.ts';

const starter = `
  import { startCluster } from ${JSON.stringify(join(import.meta.dirname, '../components/cluster/cluster.ts'))};
  const cluster = await startCluster();
  const pod = ['run', 'idle', '--image=' + cluster.busybox, '--restart=Never', '--', 'sleep', '1000'];
  await cluster.kubectl(pod);
  await cluster.kubectl(['wait', '--for=condition=Ready', 'pod/idle', '--timeout=60s']);
  process.stdout.write(cluster.directory + '\\n');
  setInterval(() => {}, 1000);
`;

/** What there is of a cluster on this machine. */
function remains(directory: string): string[] {
  const cmdlines = globSync('/proc/[0-9]*/cmdline').filter((path) => textOf(path).includes(directory));
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  return [
    ...cmdlines.map((path) => textOf(path).replaceAll('\0', ' ')),
    ...mounts.filter((line) => line.includes(directory)),
    ...globSync(`/sys/fs/cgroup/{,*/}${basename(directory)}`),
    ...(existsSync(directory) ? [directory] : []),
  ];
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

describe('a cluster whose starter is killed', { timeout: 600_000 }, () => {
  const child = spawn(process.execPath, ['--input-type=module', '-e', starter], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  after(() => child.kill('SIGKILL'));

  it('leaves no process, no mount, no control group and no file', async () => {
    let directory = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      directory += text;
    });
    await until('it is up', () => directory.endsWith('\n') || child.exitCode !== null, 300_000);
    directory = directory.trim();
    assert.ok(remains(directory).length > 10, remains(directory).join('\n'));
    child.kill('SIGKILL');
    await until('nothing is left', () => remains(directory).length === 0, 60_000);
  });
});
