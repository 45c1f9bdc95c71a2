import { ApiError } from '../../src/datastore/kubernetes/client/api-error.js';
import { listIn, mapIn, type Native, textIn } from '../../src/datastore/kubernetes/conversion/native.js';
import { kubernetesSource } from '../../src/datastore/kubernetes/kubernetes-source.js';
import { kinds } from '../../src/resources/kinds.js';
import { isMap } from '../../src/resources/normalise.js';
import type { ObjectKey } from '../../src/resources/resource.js';
import { checkSelector } from '../../src/selector/check-selector.js';
import type { ApiObject, SourceWorld } from '../datastore/source-contract.js';
import { calicoObject } from './cluster.js';
import { quickTimes } from './source-suite.js';
import type { World } from './world.js';

/** Requests under way at the same time. */
const PARALLEL = 20;
const cleared = ['GlobalNetworkSet', 'NetworkSet'] as const;

/** The world as the contract of sources wants one, without the objects of the test before. */
export async function contractWorld(world: World): Promise<SourceWorld> {
  const { admin, link } = world;
  const group = '/apis/crd.projectcalico.org/v1';

  function path({ kind, namespace, name }: ObjectKey): string {
    const definition = Object.values(kinds).find((definition) => definition.kind === kind);
    const within = namespace === undefined ? '' : `/namespaces/${namespace}`;
    return `${group}${within}/${definition?.plural}${name === '' ? '' : `/${name}`}`;
  }

  async function putObject(object: Native): Promise<void> {
    const { name, namespace } = mapIn(object, 'metadata');
    const key = {
      kind: String(object.kind),
      name: String(name),
      ...(namespace === undefined ? {} : { namespace: String(namespace) }),
    };
    try {
      await admin.request({ method: 'POST', path: path({ ...key, name: '' }), body: object });
    } catch (error) {
      if (!(error instanceof ApiError && error.reason === 'AlreadyExists')) throw error;
      const known = await admin.request({ path: path(key) });
      const resourceVersion = textIn(mapIn(known, 'metadata'), 'resourceVersion');
      await admin.request({
        method: 'PUT',
        path: path(key),
        body: { ...object, metadata: { ...mapIn(object, 'metadata'), resourceVersion } },
      });
    }
  }

  async function deleteObject(key: ObjectKey): Promise<void> {
    await admin.request({ method: 'DELETE', path: path(key) });
  }

  async function clear(): Promise<void> {
    for (const kind of cleared) {
      const list = await admin.request({ path: path({ kind, name: '' }) });
      await inParallel(listIn(list, 'items'), async (item) => {
        const { name, namespace } = mapIn(item, 'metadata');
        await deleteObject({
          kind,
          name: String(name),
          ...(namespace === undefined ? {} : { namespace: String(namespace) }),
        });
      });
    }
  }

  async function ensureNamespace(name: string): Promise<void> {
    try {
      await admin.request({ method: 'POST', path: '/api/v1/namespaces', body: { metadata: { name } } });
    } catch (error) {
      if (!(error instanceof ApiError && error.reason === 'AlreadyExists')) throw error;
    }
  }

  await clear();
  await ensureNamespace('ns');
  let unknown = 0;
  return {
    source: () =>
      kubernetesSource({
        url: 'kubernetes:',
        access: async () => world.access('agent'),
        checkSelector,
        // A cluster is never without namespaces, and so without profiles.
        kinds: cleared,
        times: quickTimes,
      }),
    put: (...objects) => inParallel(objects, (object) => putObject(stored(object))),
    delete: (...keys) => inParallel(keys, deleteObject),
    putGarbage: ({ kind, name }) =>
      putObject(calicoObject(kind, name, {}, { annotations: { 'projectcalico.org/metadata': '{"name": ' } })),
    async putUnknown() {
      unknown += 1;
      const metadata = { name: `lease-${unknown}-${Date.now()}`, namespace: 'ns' };
      await admin.request({ method: 'POST', path: '/api/v1/namespaces/ns/serviceaccounts', body: { metadata } });
    },
    async cut() {
      link.cut();
    },
    async restore() {
      link.mend();
    },
    async close() {
      link.mend();
    },
  };
}

function stored({ metadata, spec, kind }: ApiObject): Native {
  return calicoObject(kind, metadata.name, isMap(spec) ? spec : {}, { ...metadata });
}

/** Does the work for all items, some at a time. */
export async function inParallel<Item>(items: readonly Item[], work: (item: Item) => Promise<unknown>): Promise<void> {
  const queue = items.values();
  const worker = async (): Promise<void> => {
    for (const item of queue) await work(item);
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
}
