import type { Resource } from '../lab/resource-store.js';

/** Where probes start and end. `workload` is behind an interface of `node`; `peer` and `client` are on the node's network. */
export type Place = 'node' | 'peer' | 'client' | 'workload';

export type Family = 4 | 6;

/** What differs from layer to layer. */
export interface Facts {
  readonly node: string;
  /** The node's interface to `peer` and `client`. */
  readonly nic: string;
  readonly workloadInterface: string;
  address(place: Place, family?: Family): string;
}

/** What is in the datastore, and who then reaches whom: lines like `client -> node tcp/8080 allow`; `tcp6` is over IPv6. */
export interface Scenario {
  readonly title: string;
  resources(facts: Facts): readonly Resource[];
  readonly probes: readonly string[];
}

const namedEndpoint = ({ node, nic }: Facts, spec: object = {}): Resource => ({
  kind: 'HostEndpoint',
  metadata: { name: `${node}-nic`, labels: { role: 'edge' } },
  spec: { node, interfaceName: nic, ...spec },
});

const policy = (name: string, spec: object): Resource => ({
  kind: 'GlobalNetworkPolicy',
  metadata: { name },
  spec,
});

const tcp = (...ports: readonly number[]) => ({ protocol: 'TCP', destination: { ports } });
const allow = (...ports: readonly number[]) => ({ action: 'Allow', ...tcp(...ports) });
const edge = { selector: "role == 'edge'", types: ['Ingress'], ingress: [allow(8080)] };

const workload = ({ node, workloadInterface, address }: Facts, profiles: readonly string[]): Resource => ({
  kind: 'WorkloadEndpoint',
  metadata: { name: `${node}-k8s-w0-eth0`, namespace: 'default', labels: { role: 'app' } },
  spec: {
    node,
    orchestrator: 'k8s',
    pod: 'w0',
    endpoint: 'eth0',
    interfaceName: workloadInterface,
    ipNetworks: [`${address('workload')}/32`, `${address('workload', 6)}/128`],
    profiles,
  },
});

/** A named host endpoint with one policy: also what must hold while things go wrong. */
export const named: Scenario = {
  title: 'a named host endpoint: what its policy allows, failsafe ports, nothing else in either direction',
  resources: (facts) => [namedEndpoint(facts), policy('edge', edge)],
  probes: [
    'client -> node tcp/8080 allow',
    'client -> node tcp/9999 deny',
    'client -> node udp/5353 deny',
    'client -> node tcp/179 allow',
    'peer -> node tcp/8080 allow',
    'node -> client tcp/8080 deny',
    'node -> client tcp/179 allow',
    'client -> node tcp6/8080 allow',
    'client -> node tcp6/9999 deny',
    'client -> node tcp6/179 allow',
    'node -> client udp6/5353 deny',
  ],
};

/** The same on every layer. Ports: 179 is a failsafe port in both directions, the others are none. */
export const scenarios: readonly Scenario[] = [
  named,
  {
    title: 'a host endpoint for all interfaces: *',
    resources: ({ node }) => [
      { kind: 'HostEndpoint', metadata: { name: 'all', labels: { role: 'edge' } }, spec: { node, interfaceName: '*' } },
      policy('edge', { ...edge, types: ['Ingress', 'Egress'], egress: [allow(9999)] }),
    ],
    probes: [
      'client -> node tcp/8080 allow',
      'client -> node tcp/9999 deny',
      'node -> client tcp/9999 allow',
      'node -> client tcp/8080 deny',
      'client -> node tcp/179 allow',
      'client -> node tcp6/9999 deny',
      'node -> client tcp6/9999 allow',
    ],
  },
  {
    title: 'a host endpoint found by expectedIPs',
    resources: ({ node, address }) => [
      {
        kind: 'HostEndpoint',
        metadata: { name: 'by-address', labels: { role: 'edge' } },
        spec: { node, expectedIPs: [address('node')] },
      },
      policy('edge', edge),
    ],
    probes: [
      'client -> node tcp/8080 allow',
      'client -> node tcp/9999 deny',
      'client -> node tcp/179 allow',
      'client -> node tcp6/9999 deny',
    ],
  },
  {
    title: 'failsafe ports of the configuration, for one source alone',
    resources: (facts) => [
      namedEndpoint(facts),
      {
        kind: 'FelixConfiguration',
        metadata: { name: 'default' },
        spec: {
          failsafeInboundHostPorts: [
            { protocol: 'TCP', port: 22 },
            { protocol: 'TCP', port: 9999, net: `${facts.address('client')}/32` },
            { protocol: 'TCP', port: 8080, net: `${facts.address('client', 6)}/128` },
          ],
        },
      },
    ],
    probes: [
      'client -> node tcp/9999 allow',
      'peer -> node tcp/9999 deny',
      'client -> node tcp/8080 deny',
      'client -> node tcp/179 deny',
      'node -> client tcp/179 allow',
      'client -> node tcp6/8080 allow',
      'client -> node tcp6/9999 deny',
      'peer -> node tcp6/8080 deny',
    ],
  },
  {
    title: 'the rules of a profile',
    resources: (facts) => [
      namedEndpoint(facts, { profiles: ['web'] }),
      {
        kind: 'Profile',
        metadata: { name: 'web' },
        spec: { ingress: [allow(8080)], egress: [{ action: 'Allow', protocol: 'UDP' }] },
      },
    ],
    probes: [
      'client -> node tcp/8080 allow',
      'client -> node tcp/9999 deny',
      'node -> client udp/5353 allow',
      'node -> client tcp/8080 deny',
    ],
  },
  {
    title: 'a source by selector and by network',
    resources: (facts) => [
      namedEndpoint(facts),
      {
        kind: 'GlobalNetworkSet',
        metadata: { name: 'friends', labels: { of: 'us' } },
        spec: { nets: [`${facts.address('peer')}/32`, `${facts.address('client', 6)}/128`] },
      },
      policy('edge', {
        selector: "role == 'edge'",
        ingress: [
          { action: 'Allow', protocol: 'TCP', source: { selector: "of == 'us'" }, destination: { ports: [9999] } },
          { action: 'Deny', protocol: 'TCP', source: { nets: [`${facts.address('peer')}/32`] } },
          allow(8080),
        ],
      }),
    ],
    probes: [
      'peer -> node tcp/9999 allow',
      'peer -> node tcp/8080 deny',
      'client -> node tcp/8080 allow',
      'client -> node tcp/9999 deny',
      'client -> node tcp6/9999 allow',
      'peer -> node tcp6/9999 deny',
    ],
  },
  {
    title: 'a workload: its host reaches it, others as its policy says, and it does not reach its host',
    resources: (facts) => [
      workload(facts, []),
      policy('app', {
        selector: "role == 'app'",
        types: ['Ingress', 'Egress'],
        ingress: [allow(8080)],
        egress: [allow(9999)],
      }),
    ],
    probes: [
      'node -> workload tcp/8080 allow',
      'node -> workload tcp/9999 allow',
      'client -> workload tcp/8080 allow',
      'client -> workload tcp/9999 deny',
      'workload -> client tcp/9999 allow',
      'workload -> client tcp/8080 deny',
      'workload -> node tcp/9999 deny',
      'client -> node tcp/9999 allow',
      'node -> workload tcp6/9999 allow',
      'client -> workload tcp6/8080 allow',
      'client -> workload tcp6/9999 deny',
      'workload -> client tcp6/9999 allow',
      'workload -> client tcp6/8080 deny',
    ],
  },
  {
    title: 'forwarded: a policy of the host endpoint with applyOnForward, before the one of the workload',
    resources: (facts) => [
      namedEndpoint(facts),
      workload(facts, ['projectcalico-default-allow']),
      policy('through', {
        selector: "role == 'edge'",
        applyOnForward: true,
        types: ['Ingress'],
        ingress: [{ action: 'Deny', ...tcp(9999) }, { action: 'Allow' }],
      }),
    ],
    probes: [
      'client -> workload tcp/8080 allow',
      'client -> workload tcp/9999 deny',
      'peer -> workload udp/5353 allow',
      'node -> workload tcp/9999 allow',
      'client -> node tcp/8080 allow',
      'client -> node tcp/9999 deny',
      'client -> workload tcp6/8080 allow',
      'client -> workload tcp6/9999 deny',
    ],
  },
];

/** Everything that a scenario probes, as it is where nothing is enforced: without this, a closed port proves nothing. */
export const open: Scenario = {
  title: 'a workload that all may reach, and no host endpoint: all is open',
  resources: (facts) => [
    workload(facts, ['projectcalico-default-allow']),
    { kind: 'FelixConfiguration', metadata: { name: 'default' }, spec: { defaultEndpointToHostAction: 'Accept' } },
  ],
  probes: [...new Set(scenarios.flatMap(({ probes }) => probes.map((line) => line.replace(/ \w+$/, ' allow'))))],
};
