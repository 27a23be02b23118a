import { type Finding, SameError, throwFindings } from '../errors/same-error.ts';
import { isJsonObject, type JsonObject } from '../program/json.ts';
import { parseParameterWords } from '../program/parameter-words.ts';
import {
  declaredParameters,
  loadPatterns,
  type ResolvedParameter,
  resolveParameters,
} from '../program/parameters.ts';
import type { Program } from '../program/schema.ts';
import type { Ports } from './ports.ts';
import type { RunRequest } from './prepare-run.ts';
import { readSetWords } from './set-words.ts';

/**
 * The parameters of a program as a user asked for them: words, `--set`, file and profile.
 * @throws every problem with them together (exit 2)
 */
export async function requestedParameters(
  ports: Ports,
  program: Program,
  given: RunRequest,
): Promise<Record<string, ResolvedParameter>> {
  await loadPatterns(program);
  const request = given.reread?.(Object.keys(program.parameters ?? {})) ?? given;
  const words = parseParameterWords(request.words, declaredParameters(program), {
    afterDashes: request.afterDashes,
    label: `${program.metadata.name}:${program.metadata.version}`,
    readFile: (path) => readText(ports, path),
  });
  const set = readSetWords(request.set);
  const file = await readParametersFile(ports, request.parametersFile);
  const { parameters, findings } = resolveParameters(program, {
    ...(request.profile === undefined ? {} : { profile: request.profile }),
    ...(file.values === undefined ? {} : { file: { name: request.parametersFile!, values: file.values } }),
    set: set.values,
    flags: words.flags,
  });
  throwFindings([...words.findings, ...set.findings, ...file.findings, ...findings]);
  return parameters;
}

async function readParametersFile(
  ports: Ports,
  path: string | undefined,
): Promise<{ values?: JsonObject; findings: Finding[] }> {
  if (path === undefined) return { findings: [] };
  const bytes = ports.files.read(path);
  if (!bytes) {
    return {
      findings: [
        { code: 'SAME1108', message: `parameters file ${path} is not there`, place: '--parameters' },
      ],
    };
  }
  const { value, findings } = await ports.parseDocument(bytes, path);
  if (findings.length === 0 && !isJsonObject(value)) {
    return {
      findings: [{ code: 'SAME1108', message: `${path} does not hold names and values`, place: path }],
    };
  }
  return { values: value as JsonObject, findings };
}

function readText(ports: Ports, path: string): string {
  const bytes = ports.files.read(path);
  if (bytes) return bytes.toString('utf8');
  throw new SameError({ code: 'SAME1108', message: `file ${path} is not there`, place: `@${path}` });
}
