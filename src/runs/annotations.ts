import type { Finding } from '../errors/same-error.ts';
import {
  closeSync,
  fromErrno,
  fsyncSync,
  join,
  makeDirectories,
  namesIn,
  openSync,
  readIfThere,
  rmSync,
  writeFully,
} from '../host/files.ts';
import { isMap } from './record-shape.ts';
import { isRunId } from './run-id.ts';

/** What was said of a run after it ended: its record never changes. */
export interface Annotations {
  tags: Record<string, string>;
  note?: string;
}

/** One thing that is said of a run; null takes a tag away, an empty note the note. */
export type Annotation = { at: string; tag: Record<string, string | null> } | { at: string; note: string };

/** What users said of runs of this home, own ones and those that came with bundles (spec SAME-RUN-077). */
export interface AnnotationStore {
  /** What holds of a run now. */
  of(id: string): Annotations;
  /** Of every run of which something was said. */
  all(): Map<string, Annotations>;
  append(id: string, said: Annotation): void;
  /** Forgets all that was said of a run. */
  remove(id: string): void;
}

const SUFFIX = '.jsonl';

/**
 * Annotations as files of a line for each: `ID.jsonl`, only ever appended to.
 * @param directory `$SAME_HOME/runs/annotations`
 * @param onDamaged told of lines that are passed over since they cannot be read
 */
export function openDiskAnnotations(
  directory: string,
  onDamaged: (finding: Finding) => void = () => {},
): AnnotationStore {
  const pathOf = (id: string) => join(directory, `${id}${SUFFIX}`);
  const of = (id: string): Annotations => {
    const { annotations, damaged } = parseAnnotations(readIfThere(pathOf(id))?.toString('utf8') ?? '');
    if (damaged.length > 0) {
      onDamaged({
        code: 'SAME1612',
        message: `passed over: what was said of run ${id} is damaged in line ${damaged.join(', ')} of ${pathOf(id)}`,
        place: pathOf(id),
        hint: 'say it again with: same tag run, same note run',
      });
    }
    return annotations;
  };
  return {
    of,
    all: () =>
      new Map(
        namesIn(directory).flatMap((name) => {
          const id = name.slice(0, -SUFFIX.length);
          return name.endsWith(SUFFIX) && isRunId(id) ? [[id, of(id)] as const] : [];
        }),
      ),
    append(id, said) {
      try {
        makeDirectories(directory);
        // A line that was torn by a crash must not swallow this one.
        const torn = readIfThere(pathOf(id))?.at(-1);
        const fd = openSync(pathOf(id), 'a', 0o644);
        try {
          writeFully(fd, `${torn === undefined || torn === 0x0a ? '' : '\n'}${JSON.stringify(said)}\n`);
          fsyncSync(fd);
        } finally {
          closeSync(fd);
        }
      } catch (error) {
        throw fromErrno(error, 'annotating a run', directory);
      }
    },
    remove: (id) => rmSync(pathOf(id), { force: true }),
  };
}

/**
 * What lines say of a run; later ones win.
 * @returns damaged: numbers of lines that say nothing, from 1; a last one without a line feed is torn and is none of them
 */
export function parseAnnotations(text: string): { annotations: Annotations; damaged: number[] } {
  const tags = new Map<string, string>();
  const damaged: number[] = [];
  let note = '';
  const lines = text.split('\n');
  for (const [index, line] of lines.entries()) {
    if (line === '') continue;
    const said = parseLine(line);
    if (said === undefined) {
      if (index < lines.length - 1) damaged.push(index + 1);
    } else if ('note' in said) note = said.note;
    else {
      for (const [name, value] of Object.entries(said.tag)) {
        if (value === null) tags.delete(name);
        else tags.set(name, value);
      }
    }
  }
  const sorted = [...tags].sort(([a], [b]) => (a < b ? -1 : 1));
  return { annotations: { tags: Object.fromEntries(sorted), ...(note === '' ? {} : { note }) }, damaged };
}

function parseLine(line: string): Annotation | undefined {
  let said: unknown;
  try {
    said = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (!isMap(said)) return undefined;
  if (typeof said.note === 'string') return said as Annotation;
  const isTags =
    isMap(said.tag) && Object.values(said.tag).every((value) => value === null || typeof value === 'string');
  return isTags ? (said as Annotation) : undefined;
}
