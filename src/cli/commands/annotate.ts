import { Command } from 'commander';
import { readText } from '../../host/standard-input.ts';
import type { Annotated } from '../../operations/annotate-run.ts';
import type { Cli } from '../cli.ts';
import { renderSaid } from '../render/said.ts';
import { tellStore } from '../telling.ts';
import { withCommon } from '../words.ts';

/** `same tag run ID NAME[=VALUE]… [--remove NAME]…` */
export function tagCommand(cli: Cli): Command {
  const command = new Command('tag run')
    .description(
      'Give a run tags, by which same list runs --where finds it, or take tags away. The record itself never changes; runs of authors can be tagged too.',
    )
    .argument('<id>', 'run id, a part of it, or latest')
    .argument('[tags...]', 'NAME or NAME=VALUE')
    .option('--remove <name>', 'take a tag away; repeatable', (word: string, words: string[] = []) => [
      ...words,
      word,
    ]);
  return withCommon(command, [
    'same tag run latest kept',
    'same tag run 8f3a21 paper=table1 seed=3',
    'same tag run 8f3a21 --remove kept',
    "same list runs --where 'tags.paper = table1'",
  ]).action(async (id: string, words: string[], { remove = [] }: { remove?: string[] }) => {
    const { tagRun } = await import('../../operations/annotate-run.ts');
    say(cli, await tagRun(cli.ports(), id, { words, remove }));
    await tellStore(cli);
  });
}

/** `same note run ID TEXT` */
export function noteCommand(cli: Cli): Command {
  const command = new Command('note run')
    .description(
      'Write down a note of a run, in place of the one that it has. The record itself never changes.',
    )
    .argument('<id>', 'run id, a part of it, or latest')
    .argument('<text>', 'the note; - reads it from standard input, an empty one removes it');
  return withCommon(command, [
    'same note run latest "diverged after epoch 3; smaller steps next"',
    'same note run 8f3a21 - < notes.txt',
    'same note run 8f3a21 ""',
  ]).action(async (id: string, text: string) => {
    const { noteRun } = await import('../../operations/annotate-run.ts');
    say(cli, await noteRun(cli.ports(), id, text === '-' ? readText() : text));
    await tellStore(cli);
  });
}

function say(cli: Cli, { id, tags, note }: Annotated): void {
  const annotations = { tags, ...(note === undefined ? {} : { note }) };
  if (cli.json) {
    cli.printJson('Annotations', { id, ...annotations });
    return;
  }
  const said = renderSaid(annotations);
  cli.print([`run ${id}`, ...(said.length > 0 ? said : ['  no tags, no note'])].join('\n'));
}
