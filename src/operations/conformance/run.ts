import { parseTreeList } from '../../bundle/tree.ts';
import type { Artifact } from '../../engines/engine.ts';
import { SameError } from '../../errors/same-error.ts';
import { exitCodeOf } from '../conclude-run.ts';
import { createProgram } from '../create-program.ts';
import type { Ports } from '../ports.ts';
import { readLogs } from '../read-logs.ts';
import { runProgram } from '../run-program.ts';
import { byteString, type Desk, type Files } from './desk.ts';
import { placeFiles } from './place-files.ts';

/** One call of `same run`. */
export interface Invocation {
  words?: string[];
}

/** A program and how it is called, once and then again. */
export interface RunInput extends Invocation {
  files: Files;
  environment?: Record<string, string>;
  again?: Invocation[];
}

const LARGEST_BYTES = 256 * 1024 * 1024;

/** Creates a program of a folder and runs it; says what the command, the record and the content store say. */
export async function run(desk: Desk, input: RunInput) {
  const ports = desk.open(input.environment);
  const folder = `${desk.directory}/source`;
  await ports.files.makeDirectory(folder, (directory) => placeFiles(ports, directory, input.files));
  const { artifact } = await createProgram(ports, { source: folder });
  const { name, version } = artifact.program.metadata;
  const reference = `${name}:${version}`;
  const first = await runOnce(desk, ports, reference, input.words);
  const later: object[] = [];
  for (const { words } of input.again ?? [])
    later.push(await runOnce(desk, ports, reference, words).catch(refusedLater));
  return input.again ? { ...first, again: later } : first;
}

async function runOnce(desk: Desk, ports: Ports, reference: string, words: string[] = []): Promise<object> {
  const { record } = await runProgram(ports, { ...desk.readRunWords(words), reference }, () => {});
  const outputs = await contentsOf(ports, record.outputs);
  const steps: Record<string, object> = {};
  const logs = await readLogs(ports, record.id);
  for (const step of record.steps) {
    const printed = (stream: string) =>
      logs
        .filter((log) => log.step === step.name && log.stream === stream)
        .sort((a, b) => b.attempt - a.attempt)[0]?.bytes;
    const [stdout, stderr] = [printed('stdout'), printed('stderr')];
    if (!stdout || !stderr) continue;
    steps[step.name] = {
      stdout: byteString(stdout),
      stderr: byteString(stderr),
      outputs: await contentsOf(ports, step.outputs),
    };
  }
  return { exit: exitCodeOf(record.status), record, outputs, steps };
}

function refusedLater(error: unknown): object {
  if (!(error instanceof SameError)) throw error;
  return { exit: error.exitCode, findings: error.findings.map(({ code }) => ({ code })) };
}

async function contentsOf(ports: Ports, artifacts: Record<string, Artifact>): Promise<object> {
  const contents: Record<string, object> = {};
  for (const [name, artifact] of Object.entries(artifacts)) contents[name] = await contentOf(ports, artifact);
  return contents;
}

async function contentOf(ports: Ports, { digest, executable }: Artifact): Promise<object> {
  if (!digest.startsWith('tree:')) {
    const bytes = await ports.content.read(digest, LARGEST_BYTES);
    return { ...byteString(bytes), ...(executable ? { executable: true } : {}) };
  }
  const files: Record<string, object> = {};
  for (const { path, ...entry } of parseTreeList(
    await ports.content.read(digest.slice('tree:'.length), LARGEST_BYTES),
  ))
    files[path] = await contentOf(ports, entry);
  return { files };
}
