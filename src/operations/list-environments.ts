import { isProblem } from '../bundle/refusal.ts';
import type { BuiltEnvironment } from '../environments/built-environments.ts';
import { findProgram } from './find-program.ts';
import type { Ports } from './ports.ts';
import { openProgramEnvironments } from './program-files.ts';

/** A built environment, and the stored programs that have it. */
export interface ListedEnvironment extends BuiltEnvironment {
  /** `NAME:VERSION environment`, sorted. */
  programs: string[];
}

/** `same list environments`: what is built in the home, the one that was used last first. */
export async function listEnvironments(ports: Ports): Promise<ListedEnvironment[]> {
  const built = (await ports.openCollection()).environments.list();
  const users = built.length === 0 ? new Map<string, string[]>() : await usersByDigest(ports);
  return built
    .map((environment) => ({ ...environment, programs: (users.get(environment.digest) ?? []).sort() }))
    .sort((a, b) => b.usedMs - a.usedMs || (a.name < b.name ? -1 : 1));
}

async function usersByDigest(ports: Ports): Promise<Map<string, string[]>> {
  const users = new Map<string, string[]>();
  for (const { name, version, digest: program } of ports.pins.list((problem) =>
    problem.findings.map(ports.warn),
  )) {
    const reference = `${name}:${version}`;
    try {
      const { artifact } = await findProgram(ports, `${reference}@${program}`);
      const environments = openProgramEnvironments(ports, artifact, ports.home);
      for (const environment of Object.keys(artifact.program.environments ?? {})) {
        const digest = await environments.digest(environment).catch(passOver);
        if (digest === undefined) continue;
        users.set(digest, [...(users.get(digest) ?? []), `${reference} ${environment}`]);
      }
    } catch (error) {
      if (!isProblem(error)) throw error;
      ports.warn({ code: error.code, message: `passed over ${reference}: ${error.findings[0]!.message}` });
    }
  }
  return users;
}

/** An environment that is not locked for this platform is built nowhere here. */
function passOver(error: unknown): undefined {
  if (!isProblem(error) && !/^SAME150/.test((error as { code?: string }).code ?? '')) throw error;
  return undefined;
}
