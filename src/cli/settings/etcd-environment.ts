import type { Environment } from './environment.js';

/** The parameters of etcd's client for which Calico has variables; Felix has some under another name. */
const parameters = {
  endpoints: { calico: 'ETCD_ENDPOINTS', felix: 'ETCDENDPOINTS' },
  discoverySrv: { calico: 'ETCD_DISCOVERY_SRV' },
  ca: { calico: 'ETCD_CA_CERT_FILE', felix: 'ETCDCAFILE' },
  cert: { calico: 'ETCD_CERT_FILE', felix: 'ETCDCERTFILE' },
  key: { calico: 'ETCD_KEY_FILE', felix: 'ETCDKEYFILE' },
  user: { calico: 'ETCD_USERNAME' },
  password: { calico: 'ETCD_PASSWORD' },
} as const;

/**
 * What the environment says about etcd, as Calico's programs read it: FELIX_ETCD... beats CALICO_ETCD_..., that beats ETCD_....
 * Names of FELIX_... may be in any letter case; what is empty is not set.
 */
export function etcdEnvironment(environment: Environment, parameter: keyof typeof parameters): string | undefined {
  const { calico, ...others } = parameters[parameter];
  const felix = 'felix' in others ? felixText(environment, others.felix) : undefined;
  const address = parameter === 'endpoints' ? felixAddress(environment) : undefined;
  return felix ?? address ?? (environment[`CALICO_${calico}`] || environment[calico] || undefined);
}

/** What Felix had before it could take several endpoints. */
function felixAddress(environment: Environment): string | undefined {
  const address = felixText(environment, 'ETCDADDR');
  return address && `${felixText(environment, 'ETCDSCHEME') ?? 'http'}://${address}`;
}

function felixText(environment: Environment, name: string): string | undefined {
  const upper = `FELIX_${name}`;
  return Object.entries(environment).find(([key, value]) => key.toUpperCase() === upper && value)?.[1];
}
