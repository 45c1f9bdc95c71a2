import type { Resource } from '../../src/resources/kinds.js';

/**
 * The data set that Felix was measured with: on this node one host endpoint with N policies and 200 workloads, 2000 workloads
 * elsewhere, 20 network sets of 50 nets. Policy I allows UDP 10000+I from the nets of group I mod 20 and from a net of its own,
 * and TCP 20000+I from the workloads of application I mod 100.
 */

export const NODE = 'node0';
export const SET_COUNT = 20;
export const NETS_PER_SET = 50;
export const APPLICATIONS = 100;
export const LOCAL_WORKLOADS = 200;
export const REMOTE_WORKLOADS = 2000;

export const UDP_BASE = 10_000;
const TCP_BASE = 20_000;
const apiVersion = 'projectcalico.org/v3';

/** `nets` replaces the 50 nets of the set. */
export function groupSet(group: number, nets = groupNets(group)): Resource {
  const metadata = { name: `group-${group}`, labels: { group: `g${group}` } };
  return { apiVersion, kind: 'GlobalNetworkSet', metadata, spec: { nets: [...nets] } };
}

export function groupNets(group: number): readonly string[] {
  return Array.from({ length: NETS_PER_SET }, (_, net) => `172.${16 + (group % 16)}.${net}.${16 * (group >> 4)}/28`);
}

/** Local ones come first, then remote ones. */
export function workload(index: number, application = index % APPLICATIONS): Resource {
  const isLocal = index < LOCAL_WORKLOADS;
  const node = isLocal ? NODE : `remote-${index % 50}`;
  return {
    apiVersion,
    kind: 'WorkloadEndpoint',
    metadata: {
      name: `${node.replaceAll('-', '--')}-k8s-pod--${index}-eth0`,
      namespace: 'default',
      labels: { app: `a${application}` },
    },
    spec: {
      orchestrator: 'k8s',
      node,
      pod: `pod-${index}`,
      endpoint: 'eth0',
      interfaceName: `cali${index}`,
      ipNetworks: [`10.${100 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}/32`],
      profiles: ['kns.default'],
    },
  };
}

/** `port` replaces the UDP port of its first rule. */
export function policy(index: number, port = UDP_BASE + index): Resource {
  return {
    apiVersion,
    kind: 'GlobalNetworkPolicy',
    metadata: { name: `policy-${index}` },
    spec: {
      tier: 'default',
      order: index,
      selector: "role == 'node'",
      types: ['Ingress'],
      ingress: [
        {
          action: 'Allow',
          protocol: 'UDP',
          source: { selector: `group == 'g${index % SET_COUNT}'` },
          destination: { ports: [port] },
        },
        {
          action: 'Allow',
          protocol: 'TCP',
          source: { selector: `app == 'a${index % APPLICATIONS}'` },
          destination: { ports: [TCP_BASE + index] },
        },
        {
          action: 'Allow',
          protocol: 'UDP',
          source: { nets: [ownNet(index)] },
          destination: { ports: [UDP_BASE + index] },
        },
      ],
    },
  };
}

/** From which only policy `index` allows anything. */
export function ownNet(index: number): string {
  return `198.18.${index >> 8}.${index & 255}/32`;
}

export function dataSet(policies: number): Resource[] {
  return [
    {
      apiVersion,
      kind: 'HostEndpoint',
      metadata: { name: 'node0-eth0', labels: { role: 'node' } },
      spec: { node: NODE, interfaceName: 'eth0' },
    },
    { apiVersion, kind: 'Profile', metadata: { name: 'kns.default' }, spec: { egress: [{ action: 'Allow' }] } },
    ...Array.from({ length: SET_COUNT }, (_, group) => groupSet(group)),
    ...Array.from({ length: LOCAL_WORKLOADS + REMOTE_WORKLOADS }, (_, index) => workload(index)),
    ...Array.from({ length: policies }, (_, index) => policy(index)),
  ];
}

/** The file of an object in the datastore. */
export function fileName({ kind, metadata }: Resource): string {
  return `${kind}-${metadata.name}.json`.toLowerCase();
}
