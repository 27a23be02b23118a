import { type Finding, SameError, throwFindings } from '../errors/same-error.ts';
import type { Annotations } from '../runs/annotations.ts';
import { tagsOf } from '../runs/run-row.ts';
import { queueTelling } from './metadata-stores.ts';
import type { Ports } from './ports.ts';
import { findStoredRun } from './show-run.ts';

/** What is said of a run now. */
export interface Annotated extends Annotations {
  id: string;
}

const LONGEST_NAME = 250;
const LONGEST_VALUE = 5_000;
const LONGEST_NOTE = 64 * 1024;

/**
 * `same tag run`: gives a run tags, and takes tags away; its record stays as it is (spec SAME-RUN-077).
 * @param words `NAME` or `NAME=VALUE`
 * @throws SAME1608 · SAME1902 with everything that is wrong: then nothing is changed
 */
export async function tagRun(
  ports: Ports,
  id: string,
  { words, remove }: { words: readonly string[]; remove: readonly string[] },
): Promise<Annotated> {
  const { record } = await findStoredRun(ports, id);
  const annotations = await ports.openAnnotations();
  const known = annotations.of(record.id).tags;
  const findings: Finding[] = [];
  const refuse = (message: string, hint?: string) =>
    findings.push({ code: 'SAME1902', message, ...(hint ? { hint } : {}), clause: 'SAME-RUN-077' });
  const given = words.map((word): [string, string] => {
    const at = word.indexOf('=');
    return at < 0 ? [word, ''] : [word.slice(0, at), word.slice(at + 1)];
  });
  if (words.length + remove.length === 0)
    refuse(
      'tag run takes NAME or NAME=VALUE, or --remove NAME',
      `see what it has: same show run ${record.id}`,
    );
  for (const [index, [name, value]] of given.entries()) {
    if (!isTagName(name)) refuse(`${JSON.stringify(name)} is no name of a tag`, NAME_RULE);
    if (value.length > LONGEST_VALUE || !value.isWellFormed())
      refuse(`the value of tag ${name} is longer than ${LONGEST_VALUE} characters or no text`);
    if (given.findIndex(([other]) => other === name) < index) refuse(`tag ${name} is given twice`);
    if (remove.includes(name)) refuse(`tag ${name} is given and removed`);
  }
  const logged = tagsOf(record, {});
  for (const name of remove)
    if (!Object.hasOwn(known, name) && Object.hasOwn(logged, name))
      refuse(
        `tag ${name} of run ${record.id} is in its record, which stays as it is`,
        `give it another value: same tag run ${record.id} ${name}=VALUE`,
      );
    else if (!Object.hasOwn(known, name))
      refuse(`run ${record.id} has no tag ${name}`, `its tags: ${Object.keys(known).join(', ') || 'none'}`);
  throwFindings(findings);
  const tag = Object.fromEntries([...remove.map((name) => [name, null] as const), ...given]);
  annotations.append(record.id, { at: ports.now(), tag });
  await queueTelling(ports, { kind: 'run', id: record.id });
  return { id: record.id, ...annotations.of(record.id) };
}

const NAME_RULE = `a name has 1 to ${LONGEST_NAME} characters, none of them a control character or a back-tick`;

function isTagName(name: string): boolean {
  return name.length > 0 && name.length <= LONGEST_NAME && name.isWellFormed() && !/[\p{Cc}`]/u.test(name);
}

/** `same note run`: says something of a run; an empty text takes it back. @throws SAME1608 · SAME1902 */
export async function noteRun(ports: Ports, id: string, text: string): Promise<Annotated> {
  const { record } = await findStoredRun(ports, id);
  const note = text.trimEnd();
  if (note.length > LONGEST_NOTE || !note.isWellFormed()) {
    throw new SameError({
      code: 'SAME1902',
      message: `a note is a text of at most ${LONGEST_NOTE} characters`,
      hint: 'keep what is longer in a file of the program',
    });
  }
  const annotations = await ports.openAnnotations();
  annotations.append(record.id, { at: ports.now(), note });
  await queueTelling(ports, { kind: 'run', id: record.id });
  return { id: record.id, ...annotations.of(record.id) };
}
