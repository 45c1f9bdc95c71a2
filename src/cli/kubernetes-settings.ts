import type { ClusterAccess } from '../datastore/kubernetes/client/cluster-access.js';
import { openAccess } from '../datastore/kubernetes/client/open-access.js';
import type { DatastoreSetting } from './settings-datastore.js';
import type { Environment } from './settings-table.js';

/** How to reach the API server, and what the environment says about the resources there. */
export function kubernetesSettings(
  { url, kubeconfig }: Extract<DatastoreSetting, { type: 'kubernetes' }>,
  environment: Environment,
): {
  readonly url: string;
  readonly access: () => Promise<ClusterAccess>;
  readonly interfacePrefix: string | undefined;
  readonly calicoApiGroup: string | undefined;
} {
  return {
    url,
    access: () => openAccess(kubeconfig, environment),
    interfacePrefix: environment.FELIX_INTERFACEPREFIX || undefined,
    calicoApiGroup: environment.CALICO_API_GROUP || undefined,
  };
}
