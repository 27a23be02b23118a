import { openProgram } from '../bundle/program-artifact.ts';
import { LARGEST_TREE_LIST_BYTES, parseTreeList } from '../bundle/tree.ts';
import type { Artifact } from '../engines/engine.ts';
import { SameError } from '../errors/same-error.ts';
import type { RunRecord } from '../runs/run-record.ts';
import { WITHIN } from '../runs/run-within.ts';
import { chosenSteps } from './chosen-steps.ts';
import type { Ports } from './ports.ts';
import { warnOfProgram } from './program-around.ts';
import { showRunOrWithin } from './show-run.ts';

/** What get wrote. */
export interface Got {
  run: string;
  /** The directory, as given or chosen. */
  directory: string;
  files: { path: string; digest: string; sizeBytes: number }[];
}

/**
 * `same get run`: copies what the steps of a run wrote into a folder, as `STEP/FILE`, of a step with several cells as
 * `STEP.NUMBER/FILE`, and what they logged by MLflow's protocol as `STEP/logged/PATH`; each file is checked on the way.
 * @param options.step a step, with all its cells, or one cell
 * @throws SAME1403 the folder is there already · SAME1305 the outputs did not travel with the run
 */
export async function getOutputs(
  ports: Ports,
  options: { id: string; directory?: string; step?: string },
): Promise<Got> {
  const { record, own } = await showRunOrWithin(ports, options.id);
  const { name, version, digest } = record.program;
  // Of one within another: its folder is its own, and not one in another's.
  const last = record.id.split('-').at(-1)!.replace(WITHIN, '-');
  const directory = options.directory ?? `${name.replaceAll('/', '-')}-${version}-${last}`;
  const steps = chosenSteps(record, options.step);
  if (ports.files.kind(directory) !== undefined) {
    throw new SameError({
      code: 'SAME1403',
      message: `${directory} is there already`,
      place: directory,
      hint: 'choose another with -o FOLDER',
    });
  }
  const { program } = await openProgram(digest, ports.content);
  const declaredSteps = { ...program.pipeline.steps, ...program.pipeline.finally };
  const found = steps.flatMap((step) => {
    const outputs = Object.entries(step.outputs).map(([output, artifact]) => {
      const declared = declaredSteps[step.of ?? step.name]?.outputs?.[output]?.path;
      return { path: `${step.name}/${declared?.replace(/\/$/, '').split('/').at(-1) ?? output}`, artifact };
    });
    const place = `${step.name}/logged`;
    const logged = step.logged?.artifacts;
    // An output of that name is the program's own.
    if (logged && outputs.every(({ path }) => path !== place))
      outputs.push({ path: place, artifact: logged });
    return outputs;
  });
  for (const { artifact } of own ? [] : found)
    if (!(await ports.content.has(artifact.digest.replace(/^tree:/, '')))) throw notHere(record);
  const files: Awaited<ReturnType<typeof filesOf>> = [];
  // One after another: of thousands of cells as many lists would be open at once, and one may fill the stack.
  for (const { path, artifact } of found)
    for (const file of await filesOf(ports, path, artifact)) files.push(file);
  const fill = async (into: string) => {
    for (const file of files)
      await ports.files.place(into, { ...file, body: await ports.content.stream(file.digest) });
  };
  if (files.length > 0) {
    await ports.files.makeDirectory(directory, fill);
    warnOfProgram(ports, directory, 'get');
  }
  return {
    run: record.id,
    directory,
    files: files.map(({ path, digest: of, sizeBytes }) => ({ path, digest: of, sizeBytes })),
  };
}

/** A run that came along brings its record, not what it wrote. */
function notHere({ id, program }: RunRecord): SameError {
  return new SameError({
    code: 'SAME1305',
    message: `what run ${id} wrote is not here: its record came along, its outputs did not`,
    place: id,
    hint: `have your own: same run program ${program.name}:${program.version}`,
  });
}

async function filesOf(ports: Ports, path: string, artifact: Artifact) {
  const { digest, sizeBytes, executable } = artifact;
  if (!digest.startsWith('tree:')) return [{ path, digest, sizeBytes, executable: executable ?? false }];
  const list = parseTreeList(await ports.content.read(digest.slice('tree:'.length), LARGEST_TREE_LIST_BYTES));
  return list.map((entry) => ({ ...entry, path: `${path}/${entry.path}` }));
}
