import type { DerivedKind, Kind } from '../../src/resources/kinds.js';

export type Fields = Record<string, unknown>;

const rule = {
  action: 'Allow',
  ipVersion: 4,
  protocol: 'TCP',
  notProtocol: 'UDP',
  source: {
    nets: ['10.0.0.0/8'],
    notNets: ['10.1.0.0/16'],
    selector: "role == 'client'",
    notSelector: 'has(bad)',
    namespaceSelector: "env == 'prod'",
    ports: [1024, '2000:3000'],
    notPorts: [2500],
    serviceAccounts: { names: ['a'], selector: "team == 'x'" },
  },
  destination: { nets: ['10.2.0.1/32'], ports: ['http', 8080], notPorts: ['metrics'] },
  metadata: { annotations: { 'example.org/why': 'a test' } },
};
const http = {
  action: 'Allow',
  protocol: 'TCP',
  http: { methods: ['GET'], paths: [{ exact: '/a' }, { prefix: '/b/' }] },
};
const icmp = { action: 'Deny', protocol: 'ICMP', icmp: { type: 8, code: 0 }, notICMP: { type: 3 } };
const service = { action: 'Allow', destination: { services: { name: 'svc', namespace: 'prod' } } };
const policy = {
  tier: 't1',
  order: -1.5,
  selector: "role == 'db'",
  serviceAccountSelector: "team == 'x'",
  types: ['Ingress', 'Egress'],
  ingress: [rule, http, icmp],
  egress: [service],
  performanceHints: ['AssumeNeededOnEveryNode'],
};
const globalPolicy = { ...policy, namespaceSelector: "env == 'prod'", doNotTrack: true, applyOnForward: true };

/** A valid object of each kind, with all the fields that go together. */
export const samples: Readonly<Record<Kind, { metadata: Fields; spec: Fields; status?: Fields }>> = {
  HostEndpoint: {
    metadata: { name: 'h1', labels: { role: 'db' }, annotations: { 'example.org/why': 'a test' } },
    spec: {
      node: 'n1',
      interfaceName: 'eth0',
      expectedIPs: ['10.0.0.1', 'fd00::1'],
      profiles: ['p1'],
      ports: [{ name: 'http', protocol: 'TCP', port: 80 }],
    },
  },
  WorkloadEndpoint: {
    metadata: { name: 'n1-k8s-my--pod-eth0', namespace: 'prod' },
    spec: {
      node: 'n1',
      orchestrator: 'k8s',
      pod: 'my-pod',
      endpoint: 'eth0',
      workload: 'w',
      containerID: 'abc-1',
      serviceAccountName: 'sa',
      interfaceName: 'cali1',
      ipNetworks: ['10.65.0.2/32', 'fd65::2/128'],
      ipNATs: [{ internalIP: '10.65.0.2', externalIP: '1.2.3.4' }],
      ipv4Gateway: '169.254.1.1',
      ipv6Gateway: 'fe80::1',
      profiles: ['kns.prod'],
      mac: 'ca:fe:1d:52:bb:e9',
      ports: [{ name: 'http', protocol: 'TCP', port: 80, hostPort: 8080, hostIP: '10.0.0.1' }],
      allowSpoofedSourcePrefixes: ['10.0.0.1/8'],
      qosControls: { ingressBandwidth: 1000, dscp: 'AF11' },
    },
  },
  Profile: {
    metadata: { name: 'p1' },
    spec: { ingress: [rule, http, icmp], egress: [service], labelsToApply: { 'pcns.env': 'prod' } },
  },
  GlobalNetworkPolicy: { metadata: { name: 'g1' }, spec: globalPolicy },
  NetworkPolicy: { metadata: { name: 'n1', namespace: 'prod' }, spec: policy },
  StagedNetworkPolicy: { metadata: { name: 'n1', namespace: 'prod' }, spec: { ...policy, stagedAction: 'Set' } },
  StagedGlobalNetworkPolicy: { metadata: { name: 'g1' }, spec: { ...globalPolicy, stagedAction: 'Learn' } },
  StagedKubernetesNetworkPolicy: {
    metadata: { name: 'k.1', namespace: 'prod' },
    spec: {
      stagedAction: 'Set',
      podSelector: { matchLabels: { app: 'web' }, matchExpressions: [{ key: 'a', operator: 'In', values: ['b'] }] },
      ingress: [{ ports: [{ protocol: 'TCP', port: 80, endPort: 90 }], from: [{ ipBlock: { cidr: '10.0.0.0/8' } }] }],
      egress: [{ ports: [{ port: 'http' }], to: [{ namespaceSelector: {} }] }],
      policyTypes: ['Ingress'],
    },
  },
  Tier: { metadata: { name: 't1' }, spec: { order: 100, defaultAction: 'Pass' }, status: { conditions: [] } },
  NetworkSet: {
    metadata: { name: 's1', namespace: 'prod', labels: { a: 'b' } },
    spec: { nets: ['10.0.0.1/8', 'fd00::1'] },
  },
  GlobalNetworkSet: { metadata: { name: 's1', labels: { a: 'b' } }, spec: { nets: ['10.0.0.1/8', 'fd00::1'] } },
  FelixConfiguration: {
    metadata: { name: 'default' },
    spec: {
      failsafeInboundHostPorts: [{ protocol: 'tcp', port: 22, net: '10.0.0.0/8' }, { port: 23 }],
      defaultEndpointToHostAction: 'RETURN',
      nftablesRefreshInterval: '1m30s',
      iptablesRefreshInterval: '90s',
      nftablesMarkMask: 65535,
      logActionRateLimit: '10/second',
      logActionRateLimitBurst: 7,
      kubeNodePortRanges: ['30000:32767', 80],
      healthTimeoutOverrides: [{ name: 'loop', timeout: '5m0s' }],
      externalNodesList: ['10.0.0.1/8'],
      bpfEnabled: false,
    },
  },
  Node: {
    metadata: { name: 'n1' },
    spec: {
      bgp: { asNumber: 64512, ipv4Address: '10.0.0.1/24', ipv6Address: 'fd00::1/64', ipv4IPIPTunnelAddr: '10.65.0.1' },
      ipv4VXLANTunnelAddr: '10.65.0.2',
      ipv6VXLANTunnelAddr: 'fd65::2',
      vxlanTunnelMACAddr: '66:4c:fb:d2:ff:de',
      wireguard: { interfaceIPv4Address: '10.65.0.3' },
      addresses: [{ address: '10.0.0.1', type: 'InternalIP' }],
      interfaces: [{ name: 'eth0', addresses: ['10.0.0.1'] }],
      orchRefs: [{ nodeName: 'k1', orchestrator: 'k8s' }],
    },
    status: { wireguardPublicKey: 'jlkVyQYooZYzI2wFfNhSZez5eWh44yfq1wKVjLvSXgY=' },
  },
  ClusterInformation: {
    metadata: { name: 'default' },
    spec: { clusterGUID: 'abc', clusterType: 'k8s', calicoVersion: 'v3', datastoreReady: true, variant: 'Calico' },
  },
};

/** The same for the kinds that only a datastore yields. */
const derivedSamples: Readonly<Record<DerivedKind, { metadata: Fields; spec: Fields }>> = {
  KubernetesNetworkPolicy: {
    metadata: { name: 'k.1', namespace: 'prod' },
    spec: {
      tier: 'default',
      order: 1000,
      selector: "projectcalico.org/orchestrator == 'k8s'",
      types: ['Ingress', 'Egress'],
      ingress: [{ action: 'Allow', protocol: 'TCP', destination: { ports: [80, 'http'] } }],
      egress: [{ action: 'Allow', destination: { nets: ['10.0.0.0/8'], notNets: ['10.1.0.0/16'] } }],
    },
  },
  EndpointSlice: {
    metadata: { name: 'db-x7f', namespace: 'prod' },
    spec: { service: 'db', addresses: ['10.65.0.2', 'fd65::2'], ports: [{ protocol: 'TCP', port: 5432 }] },
  },
};

/** A fresh copy of the sample of a kind. */
export function sample(kind: Kind | DerivedKind): Fields {
  const all = { ...samples, ...derivedSamples };
  return { apiVersion: 'projectcalico.org/v3', kind, ...structuredClone(all[kind]) };
}

/** Sets what is at a path such as `spec.ports[0].name`; undefined removes it. */
export function withField(object: Fields, path: string, value: unknown): Fields {
  const steps = path.split(/[.[\]]+/).filter((step) => step !== '');
  const last = steps.pop() ?? '';
  let target: Fields = object;
  for (const step of steps) {
    target[step] ??= {};
    target = target[step] as Fields;
  }
  if (value === undefined) delete target[last];
  else target[last] = value;
  return object;
}
