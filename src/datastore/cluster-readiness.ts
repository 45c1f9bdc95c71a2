import { isMap } from '../resources/normalise.js';

/** Whether agents may use what the datastore holds; `garbage`: not to be told. */
export type Readiness =
  | { readonly is: 'ready' }
  | { readonly is: 'not-ready'; readonly reason: string }
  | { readonly is: 'garbage'; readonly reason: string };

/**
 * What ClusterInformation `default`, or its absence, says about the datastore. Calico's agents wait for `datastoreReady: true`,
 * and it is taken back while the data is migrated. `undefined`: there is none.
 */
export function clusterReadiness(clusterInformation: unknown): Readiness {
  if (clusterInformation === undefined) {
    const reason =
      'it has no ClusterInformation default: nobody has initialised it, or its data is gone (calicoctl or calico-node create it)';
    return { is: 'not-ready', reason };
  }
  if (!isMap(clusterInformation)) return { is: 'garbage', reason: 'its ClusterInformation default can not be read' };
  const spec = isMap(clusterInformation.spec) ? clusterInformation.spec : {};
  if (spec.datastoreReady === true) return { is: 'ready' };
  const found = spec.datastoreReady === false ? 'false: it is being migrated' : 'not set';
  return { is: 'not-ready', reason: `datastoreReady of its ClusterInformation default is ${found}` };
}
