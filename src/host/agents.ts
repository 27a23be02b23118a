import type { Agent } from 'node:http';
import type { SecureContext } from 'node:tls';
import { trusted } from './certificates.ts';
import { openIntakes } from './intake.ts';

/** Idle connections are left after this; servers close them at about a minute, which would look like a cut. */
export const IDLE_MS = 10_000;

const PROXIES = ['HTTP_PROXY', 'http_proxy', 'HTTPS_PROXY', 'https_proxy'];

/** Whether the environment names a proxy, for any host. */
export function hasProxy(): boolean {
  return PROXIES.some((name) => process.env[name]);
}

/**
 * Who is trusted to vouch for servers. To read several hundred certificates takes a fifth of a second, and is rarely
 * needed: `near` are those that node has anyway, or those that the caller named; `all` are these, the system's and
 * those of the environment.
 */
export type Trust = 'near' | 'all';

/** Keeps connections: of plain HTTP, or of TLS to servers that these vouch for. */
export async function openAgent(trust: Trust | false, local: boolean, certificates?: string): Promise<Agent> {
  const { Agent } = trust ? await import('node:https') : await import('node:http');
  const agent = new Agent({
    keepAlive: true,
    timeout: IDLE_MS,
    proxyEnv: local ? undefined : process.env,
    ...(trust && { secureContext: await openTrust(trust, certificates) }),
  });
  if (local || !hasProxy()) openIntakes(agent);
  return agent;
}

async function openTrust(trust: Trust, certificates?: string): Promise<SecureContext> {
  const { createSecureContext } = await import('node:tls');
  const named = certificates ? [certificates] : [];
  if (trust === 'all') return createSecureContext({ ca: [...new Set([...trusted(), ...named])] });
  return createSecureContext(certificates ? { ca: named } : {});
}

/** Ends connections that nothing is asked on. */
export function dropIdle(agent: Agent): void {
  for (const sockets of Object.values(agent.freeSockets))
    for (const socket of sockets ?? []) socket.destroy();
}
