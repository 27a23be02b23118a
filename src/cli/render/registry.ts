import type { CopyTally } from '../../content/graph-copy.ts';
import type { Copied } from '../../operations/copy-program.ts';
import type { Pulled } from '../../operations/pull-program.ts';
import type { Pushed } from '../../operations/push-program.ts';
import type { Cli } from '../cli.ts';
import { passedOverLines } from './leaving.ts';
import { plainLine } from './text.ts';

/** Kinds of objects that are named in one line. */
const FEW_KINDS = 5;

/** Says what a push did. @param how options without which the registry is not reached, as ` --plain-http` */
export function renderPushed(cli: Cli, pushed: Pushed, how: string): void {
  const { artifact, reference, pinned, runs, history, passedOver, tally, referrers, moved } = pushed;
  const { name, version } = artifact.program.metadata;
  if (cli.json) {
    const { digest } = artifact;
    const how = { referrers: referrers ?? null, moved: moved ?? null };
    const chosen = { runs, history, passedOver };
    cli.printJson('Pushed', { name, version, digest, reference, pinned, ...chosen, ...tally, ...how });
    return;
  }
  cli.print(`pushed ${name}:${version} to ${reference}`);
  if (moved !== undefined) cli.say(`the tag led to ${moved} before`);
  cli.say(
    `  program ${artifact.digest}\n  ${counted(runs.length, 'run')} beside it (--history ${String(history)})\n  ${sentences(tally)}`,
  );
  for (const line of passedOverLines(passedOver)) cli.say(`  ${line}`);
  cli.say(`cite it as ${pinned}\nanyone gets it with: same pull ${reference}${how}`);
}

/** Says what a pull stored. */
export function renderPulled(cli: Cli, pulled: Pulled): void {
  const { artifact, runs, ancestors, fetched, left, pinned } = pulled;
  const { name, version } = artifact.program.metadata;
  if (cli.json) {
    const { digest } = artifact;
    cli.printJson('Pulled', { name, version, digest, pinned, runs, ancestors, fetched, left });
    return;
  }
  const history = runs > 0 ? ` with ${counted(runs, 'run')}` : '';
  cli.print(`pulled ${name}:${version} (${artifact.digest})${history}`);
  cli.say(
    fetched.blobs === 0
      ? '  everything was here already'
      : `  fetched ${size(fetched.sizeBytes)} in ${counted(fetched.blobs, 'blob')}`,
  );
  sayLeft(cli, left);
  cli.say(`run it with: same run program ${name}:${version}`);
}

/** Says what a copy did. */
export function renderCopied(cli: Cli, copied: Copied): void {
  const { name, version, digest, destination, runs, left, published, digests } = copied;
  if (cli.json) {
    const { tally, referrers, moved } = published ?? {};
    const there = { ...tally, referrers: referrers ?? null, moved: moved ?? null };
    const how = published ? there : { digests };
    cli.printJson('Copied', { name, version, digest, destination, runs, left, ...how });
    return;
  }
  cli.print(`copied ${name}:${version} (${digest}) to ${destination} with ${counted(runs, 'run')}`);
  if (published?.moved !== undefined) cli.say(`the tag led to ${published.moved} before`);
  if (published) cli.say(`  ${sentences(published.tally)}`);
  if (digests) cli.say(`  index   ${digests.index}\n  archive ${digests.archive}`);
  sayLeft(cli, left);
}

function sentences({ sent, sentBytes, mounted }: CopyTally): string {
  const taken = mounted > 0 ? `${counted(mounted, 'blob')} taken over from another repository there` : '';
  const went = sent > 0 ? `sent ${size(sentBytes)}` : '';
  return [went, taken].filter((text) => text !== '').join(', ') || 'everything was there already';
}

/** Names what a registry has beside a program and this version does not know. */
export function sayLeft(cli: Cli, left: Pulled['left']): void {
  if (left.length === 0) return;
  const kinds = [...new Set(left.map(({ artifactType }) => artifactType))];
  const named = `${kinds.slice(0, FEW_KINDS).join(', ')}${kinds.length > FEW_KINDS ? ', …' : ''}`;
  cli.say(plainLine(`  left there, of kinds that this version does not carry: ${left.length} (${named})`));
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

function size(bytes: number): string {
  if (bytes < 10_000) return `${bytes} bytes`;
  if (bytes < 2 ** 20) return `${(bytes / 2 ** 10).toFixed(0)} KiB`;
  return bytes < 2 ** 30 ? `${(bytes / 2 ** 20).toFixed(0)} MiB` : `${(bytes / 2 ** 30).toFixed(1)} GiB`;
}
