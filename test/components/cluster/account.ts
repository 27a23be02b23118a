import type { Cluster } from './cluster.ts';
import type { Json, Namespace } from './namespace.ts';

/** A kubeconfig of the administrator, or of an account of a namespace, which is the one that it leads to. */
export async function configurationOf(
  cluster: Cluster,
  namespace: Namespace,
  account?: string,
): Promise<string> {
  const config: Json = JSON.parse(
    await cluster.kubectl(['config', 'view', '--raw', '--minify', '-o', 'json']),
  );
  config.contexts[0].context.namespace = namespace.name;
  if (account !== undefined)
    config.users[0].user = { token: await namespace.kubectl(['create', 'token', account]) };
  return JSON.stringify(config);
}
