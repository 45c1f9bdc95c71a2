import type { ClusterAccess } from './cluster-access.js';
import { inClusterAccess } from './in-cluster.js';
import { kubeconfigAccess } from './kubeconfig.js';

/** The cluster of a kubeconfig, or if none is named that of $KUBECONFIG, or else the one that this process runs in. */
export function openAccess(
  kubeconfig: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<ClusterAccess> {
  const paths = kubeconfig || environment.KUBECONFIG;
  return paths ? kubeconfigAccess(paths, environment) : inClusterAccess(environment);
}
