import { spawnSync } from 'node:child_process';

/** Names as processes give them to what is theirs, of a process that is gone. */
export function abandonedNames(count: number): string[] {
  const module = JSON.stringify(import.meta.resolve('../../src/host/process-identity.ts'));
  const naming = `const { ownName } = await import(${module}); for (let i = 0; i < ${count}; i++) console.log(ownName());`;
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', naming], { encoding: 'utf8' });
  return stdout.trim().split('\n');
}
