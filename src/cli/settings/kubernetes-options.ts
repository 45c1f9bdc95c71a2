import { openAccess } from '../../datastore/kubernetes/client/open-access.js';
import { readVersion } from '../version.js';
import type { Environment } from './environment.js';
import type { DatastoreSetting } from './settings-datastore.js';

/** What the settings and the environment say about a cluster, as its source and its store take it. */
export function kubernetesOptions(
  { url, kubeconfig }: Extract<DatastoreSetting, { type: 'kubernetes' }>,
  environment: Environment,
  warn: ((message: string) => void) | undefined,
) {
  return {
    url,
    access: () => openAccess(kubeconfig, environment),
    interfacePrefix: environment.FELIX_INTERFACEPREFIX,
    calicoApiGroup: environment.CALICO_API_GROUP,
    userAgent: `margay/${readVersion()}`,
    warn,
  };
}
