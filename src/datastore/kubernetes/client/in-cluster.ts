import { readFile } from 'node:fs/promises';
import { AccessError, type ClusterAccess } from './cluster-access.js';
import { tokenFileCredentials } from './credentials.js';

/** Where the kubelet puts what a pod needs to reach its API server. */
const serviceAccountDirectory = '/var/run/secrets/kubernetes.io/serviceaccount';

/** The cluster that this process runs in, as the account of its pod. */
export async function inClusterAccess(
  environment: Readonly<Record<string, string | undefined>>,
  directory = serviceAccountDirectory,
): Promise<ClusterAccess> {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = environment;
  if (!host || !port)
    throw new AccessError(
      'no cluster to connect to: this is no pod (KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set), ' +
        'and neither kubernetes:KUBECONFIG nor KUBECONFIG names a kubeconfig',
    );
  let ca: Buffer;
  try {
    ca = await readFile(`${directory}/ca.crt`);
  } catch (error) {
    throw new AccessError(`the certificate of the cluster can't be read: ${String(error)}`, error);
  }
  return {
    server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    tls: { ca, rejectUnauthorized: true },
    credentials: tokenFileCredentials(`${directory}/token`),
    warnings: [],
  };
}
