import { type FakeApiServer, fakeApiServer } from './fake/fake-api-server.js';
import { makeWorld, tokens, type World } from './world.js';

/** A world with the fake API server. */
export async function fakeWorld(): Promise<World & { readonly fake: FakeApiServer }> {
  const made: { fake?: FakeApiServer } = {};
  const world = await makeWorld(async (certificates) => {
    const fake = await fakeApiServer(certificates);
    made.fake = fake;
    for (const [user, token] of Object.entries(tokens)) fake.users.set(token, user);
    const forbidden = new Set<string>();
    fake.allowed = ({ user, method }, { plural, group }) => {
      if (user !== 'agent') return true;
      const resource = group === '' ? plural : `${plural}.${group}`;
      return method === 'GET' && !forbidden.has(resource);
    };
    return {
      port: fake.port,
      async forbid(resource) {
        forbidden.add(resource);
        return async () => void forbidden.delete(resource);
      },
      restart: (whileDown) => fake.restart(whileDown),
      close: () => fake.close(),
    };
  });
  if (made.fake === undefined) throw new Error('there is no server');
  return { ...world, fake: made.fake };
}
