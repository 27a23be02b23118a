// Runs the test suites with node's own runner; words are files or rooms: `npm test -- bundle`.
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';

const rooms = process.argv.slice(2);
const files =
  rooms.length === 0
    ? globSync('test/**/*.test.ts')
    : rooms.flatMap((room) => globSync(room.endsWith('.ts') ? room : `test/${room}/**/*.test.ts`));
if (files.length === 0) {
  process.stderr.write(`no tests match: ${rooms.join(' ')}\n`);
  process.exit(1);
}
// NODE_OPTIONS and NODE_EXTRA_CA_CERTS stay as they are: a user's machine has them too.
const { status } = spawnSync(
  process.execPath,
  ['--test', '--test-concurrency=2', '--test-timeout=1500000', ...files.sort()],
  {
    stdio: 'inherit',
  },
);
process.exit(status ?? 1);
