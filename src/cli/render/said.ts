import type { Annotations } from '../../runs/annotations.ts';
import { renderTags } from './listing.ts';
import { plain, plainLine, plainRecord } from './text.ts';

/** What was said of a run, as far as anything was: beside the fields of its record. */
export function saidFields({ tags, note }: Annotations): Partial<Annotations> {
  return { ...(Object.keys(tags).length > 0 ? { tags } : {}), ...(note === undefined ? {} : { note }) };
}

/** What was said of a run: a line of tags, then the note. */
export function renderSaid({ tags, note }: Annotations): string[] {
  const lines = Object.keys(tags).length > 0 ? [`  tags ${plainLine(renderTags(plainRecord(tags)))}`] : [];
  if (note !== undefined)
    lines.push(
      '  note',
      ...plain(note)
        .split('\n')
        .map((line) => `    ${line}`),
    );
  return lines;
}
