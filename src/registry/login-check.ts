import type { Login } from './registry.ts';
import type { RegistrySession } from './session.ts';

/**
 * Asks a registry for the base of its API with a login.
 * @param openWith opens a session that finds this login, and no other
 * @returns whether the registry wanted one: where it did not, it has said nothing of the login
 * @throws SAME1802 it does not take the login · SAME1801 · SAME1903
 */
export async function checkLogin(
  login: Login,
  openWith: (findLogin: () => Promise<Login>) => RegistrySession,
): Promise<boolean> {
  let wanted = false;
  const session = openWith(async () => {
    wanted = true;
    return login;
  });
  try {
    const { body } = await session.ask({ method: 'GET', url: '/v2/', scopes: [], expect: [200] });
    body.on('error', () => {}).destroy();
    return wanted;
  } finally {
    session.close();
  }
}
