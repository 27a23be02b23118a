import { throwFindings } from '../../errors/same-error.ts';
import type { JsonValue } from '../../program/json.ts';
import type { ParameterSource } from '../../program/parameters.ts';
import { requestedParameters } from '../requested-parameters.ts';
import { type ByteString, bytesOf, type Desk } from './desk.ts';

/** A manifest, and what its user says of its parameters. */
export interface ResolveInput {
  manifest: ByteString;
  profile?: string;
  parametersFile?: ByteString;
  set?: string[];
  words?: string[];
}

/** The value of every parameter, and which layer it came from. */
export async function resolveParameters(desk: Desk, input: ResolveInput) {
  const ports = desk.open();
  const { program, findings } = await ports.parseManifest(bytesOf(input.manifest), 'same.yaml');
  throwFindings(findings);
  const request = desk.readRunWords(input.words ?? []);
  request.set.unshift(...(input.set ?? []));
  if (input.profile !== undefined) request.profile = input.profile;
  if (input.parametersFile) {
    request.parametersFile = `${desk.directory}/parameters.yaml`;
    ports.files.write(request.parametersFile, bytesOf(input.parametersFile));
  }
  const parameters = Object.entries(await requestedParameters(ports, program!, request));
  return {
    values: Object.fromEntries(parameters.map(([name, { value }]): [string, JsonValue] => [name, value])),
    sources: Object.fromEntries(parameters.map(([name, { source }]) => [name, layerOf(source)])),
  };
}

function layerOf(source: ParameterSource): string {
  if (source === 'default') return source;
  if (source.startsWith('profile ')) return 'profile';
  if (source.startsWith('--parameters ')) return 'file';
  return source === '--set' ? 'set' : 'flag';
}
