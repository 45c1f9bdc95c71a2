import t from 'tap';
import { asCalicoPrints } from '../../src/resources/as-calico-prints.js';
import { type Kind, kinds } from '../../src/resources/kinds.js';

const apiVersion = 'projectcalico.org/v3';
const metadata = { name: 'a' };

/** What calicoctl of Calico 3.32 prints of what is in the datastore. */
const vectors: readonly {
  readonly kind: Kind;
  readonly stored: Readonly<Record<string, unknown>>;
  readonly printed: Readonly<Record<string, unknown>>;
}[] = [
  {
    kind: 'HostEndpoint',
    stored: {
      metadata: { ...metadata, labels: {}, annotations: null, uid: '', creationTimestamp: null, generation: 3 },
      spec: {
        node: 'n',
        interfaceName: '',
        expectedIPs: [],
        profiles: null,
        ports: [{ name: 'x', protocol: '6', port: 1 }],
      },
    },
    printed: {
      metadata: { ...metadata, generation: 3 },
      spec: { node: 'n', ports: [{ name: 'x', protocol: 6, port: 1 }] },
    },
  },
  { kind: 'HostEndpoint', stored: { metadata }, printed: { metadata, spec: {} } },
  {
    kind: 'NetworkPolicy',
    stored: {
      metadata: { ...metadata, labels: { a: null } },
      spec: {
        order: 0,
        types: [],
        ingress: [
          { action: 'Allow', source: { nets: [], ports: ['80', '81:82'] }, destination: { selector: '' }, http: {} },
          { action: 'Deny', icmp: { type: 0 }, metadata: { annotations: {} } },
        ],
        egress: [],
      },
    },
    printed: {
      metadata: { ...metadata, labels: { a: '' } },
      spec: {
        order: 0,
        ingress: [
          { action: 'Allow', source: { ports: [80, '81:82'] }, http: {} },
          { action: 'Deny', icmp: { type: 0 }, metadata: {} },
        ],
      },
    },
  },
  {
    kind: 'GlobalNetworkPolicy',
    stored: { metadata, spec: { doNotTrack: false, preDNAT: null, applyOnForward: true, performanceHints: [] } },
    printed: { metadata, spec: { applyOnForward: true } },
  },
  {
    kind: 'WorkloadEndpoint',
    stored: {
      metadata,
      spec: { interfaceName: 'c', qosControls: { ingressBurst: 0 }, ports: [{ protocol: 'TCP', port: 1 }] },
    },
    printed: {
      metadata,
      spec: {
        interfaceName: 'c',
        qosControls: {},
        ports: [{ name: '', protocol: 'TCP', port: 1, hostPort: 0, hostIP: '' }],
      },
    },
  },
  {
    kind: 'FelixConfiguration',
    stored: {
      metadata,
      spec: { failsafeInboundHostPorts: [], externalNodesList: [], healthTimeoutOverrides: [], bpfEnabled: false },
    },
    printed: {
      metadata,
      spec: { failsafeInboundHostPorts: [], externalNodesList: [], bpfEnabled: false, bpfLogLevel: '' },
    },
  },
  {
    kind: 'StagedKubernetesNetworkPolicy',
    stored: { metadata, spec: { policyTypes: [] } },
    printed: { metadata, spec: { podSelector: {} } },
  },
  { kind: 'Tier', stored: { metadata, status: { conditions: [] } }, printed: { metadata, spec: {}, status: {} } },
  { kind: 'Tier', stored: { metadata, spec: {} }, printed: { metadata, spec: {}, status: {} } },
  {
    kind: 'Node',
    stored: { metadata, spec: { bgp: {}, addresses: [], interfaces: [{ name: '', addresses: [] }] } },
    printed: { metadata, spec: { bgp: {}, interfaces: [{}] }, status: {} },
  },
];

t.test('what is empty is left out, and what is always there is filled in', async (t) => {
  for (const { kind, stored, printed } of vectors)
    t.strictSame(asCalicoPrints({ apiVersion, kind, ...stored }, kinds[kind]), { apiVersion, kind, ...printed }, kind);
});

t.test('what can not be understood stays', async (t) => {
  const odd = { apiVersion, kind: 'NetworkSet', metadata, spec: { nets: { a: 1 }, newer: [] }, other: null };
  t.strictSame(asCalicoPrints(odd, kinds.NetworkSet), odd);
  t.strictSame(asCalicoPrints({ ...odd, spec: 'text' }, kinds.NetworkSet), { ...odd, spec: 'text' });
});
