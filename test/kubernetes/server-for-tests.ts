import { fakeWorld } from './fake-world.js';
import { load, manifest } from './manifests.js';
import { type RealApiServer, realApiServer } from './real-api-server.js';
import { makeWorld, type World } from './world.js';

/** `npm run test:kubernetes` says where it is; empty: it can't be had, and the fake one stands in. */
const binary = process.env.KUBE_APISERVER;

/** Why a test of any API server is left out; false if it is not. */
export const noServer = binary === undefined ? 'npm run test:kubernetes does this' : false;
/** Why a test of a real one is left out. */
export const noRealServer = noServer || (binary === '' ? 'there is none' : false);

/** A server with the kinds of docs/kubernetes/crds.yaml; to be closed by whoever asked for it. */
export async function startServer(): Promise<{ readonly world: World; readonly real?: RealApiServer }> {
  const made: { real?: RealApiServer } = {};
  const world = binary
    ? await makeWorld(async (certificates) => {
        made.real = await realApiServer(binary, certificates);
        return made.real;
      })
    : await fakeWorld();
  await load(world.admin, manifest('crds.yaml'));
  return { world, ...made };
}
