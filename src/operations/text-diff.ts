import { structuredPatch } from 'diff';

/** Lines around each change. */
const CONTEXT = 3;
/** Texts in which more than this would have to be changed are said to differ, no more. */
const MOST_EDITS = 5_000;

/** What changed between two texts, as hunks of a unified diff; undefined where nearly everything did. */
export function textDiff(before: string, after: string): string[] | undefined {
  const patch = structuredPatch('', '', before, after, undefined, undefined, {
    context: CONTEXT,
    maxEditLength: MOST_EDITS,
  });
  return patch?.hunks.flatMap(({ oldStart, oldLines, newStart, newLines, lines }) => [
    `@@ -${oldStart},${oldLines} +${newStart},${newLines} @@`,
    ...lines,
  ]);
}
