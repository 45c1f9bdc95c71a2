import type { DerivedKind, Kind } from '../../src/resources/kinds.js';

/** Path in the object, value to put there, the rule that it breaks and where that is told, if not there. */
export type Bad = readonly [path: string, value: unknown, code: string, told?: string | undefined];
/** Changes that leave an object valid. */
export type Good = readonly [path: string, value: unknown];

/** A name of some length. */
export const long = (length: number) => 'a'.repeat(length);
const selector1025 = `a == '${long(1019)}'`;

const badRule: readonly Bad[] = [
  ['action', 'allow', 'V-ACTION'],
  ['action', undefined, 'required'],
  ['ipVersion', 5, 'value'],
  ['protocol', 'tcp', 'V-PROTO'],
  ['protocol', 0, 'V-PROTO'],
  ['protocol', '256', 'V-PROTO'],
  ['protocol', ['TCP'], 'type'],
  ['notProtocol', 'GRE', 'V-PROTO'],
  ['protocol', undefined, 'V-RULE-1', 'source.ports[0]'],
  ['protocol', 47, 'V-RULE-2', 'destination.ports'],
  ['protocol', 'UDPLite', 'V-RULE-2', 'source.notPorts'],
  ['icmp', { type: 8 }, 'V-RULE-3'],
  ['notICMP', { code: 1 }, 'V-RULE-4', 'notICMP.code'],
  ['notICMP', { type: 255 }, 'V-RULE-17', 'notICMP.type'],
  ['notProtocol', 58, 'V-RULE-5'],
  ['source.nets', ['10.0.0.1'], 'V-RULE-6', 'source.nets[0]'],
  ['source.nets', ['10.0.0.1/8'], 'V-RULE-6', 'source.nets[0]'],
  ['destination.nets', ['010.0.0.0/8'], 'V-NET', 'destination.nets[0]'],
  ['destination.notNets', [''], 'V-NET', 'destination.notNets[0]'],
  ['destination.nets', ['fd00::/8'], 'V-RULE-7', ''],
  ['destination.nets', ['fd00::/8'], 'V-RULE-8', 'destination.nets[0]'],
  ['source.notNets', ['0.0.0.0/0'], 'V-RULE-9', 'source.notNets[0]'],
  ['destination.notNets', ['0::/00'], 'V-RULE-9', 'destination.notNets[0]'],
  ['source.selector', 'global()', 'V-RULE-14'],
  ['source.namespaceSelector', '!global()', 'V-RULE-14'],
  ['source.notSelector', 'a ==', 'V-SELECTOR'],
  ['source.selector', selector1025, 'V-SELECTOR'],
  ['source.serviceAccounts.selector', '!', 'V-SELECTOR'],
  ['source.ports', [0], 'V-PORT', 'source.ports[0]'],
  ['source.ports', ['90:80'], 'V-PORT', 'source.ports[0]'],
  ['source.ports', ['8080-8090/tcp'], 'V-PORT', 'source.ports[0]'],
  ['destination.ports', ['HTTP'], 'V-PORTNAME', 'destination.ports[0]'],
  ['destination.ports', [true], 'type', 'destination.ports[0]'],
  ['destination.ports', Array.from({ length: 51 }, (_, i) => i + 1), 'limit'],
  ['source.nets', Array.from({ length: 257 }, (_, i) => `10.0.${i % 256}.0/24`), 'limit'],
  ['http', { methods: ['GET', 'GET'] }, 'V-RULE-16', 'http.methods'],
  ['http', { paths: [{ exact: '/a', prefix: '/a' }] }, 'V-RULE-16', 'http.paths[0]'],
  ['http', { paths: [{ exact: 'a?' }] }, 'V-RULE-16', 'http.paths[0]'],
  ['http', { headers: [] }, 'unknown-field', 'http.headers'],
  ['metadata.annotations', { 'a b': 'c' }, 'V-ANNOTATION', 'metadata.annotations["a b"]'],
  ['source.net', '10.0.0.0/8', 'unknown-field'],
];

const ingress = badRule.map(
  ([path, value, code, told]): Bad => [
    `spec.ingress[0].${path}`,
    value,
    code,
    told === undefined ? undefined : `spec.ingress[0]${told && `.${told}`}`,
  ],
);

const badDirections: readonly Bad[] = [
  ['spec.egress[0].http', {}, 'V-RULE-15'],
  ['spec.ingress[1].action', 'Deny', 'V-RULE-15', 'spec.ingress[1].http'],
  ['spec.ingress[1].protocol', 'UDP', 'V-RULE-15', 'spec.ingress[1].http'],
  ['spec.egress[0].destination.notPorts', ['http'], 'V-RULE-10'],
  ['spec.egress[0].destination.selector', 'all()', 'V-RULE-11'],
  ['spec.egress[0].destination.services.name', '', 'V-RULE-11'],
  ['spec.egress[0].source', { services: { name: 'a', namespace: 'b' } }, 'V-RULE-12', 'spec.egress[0].source.services'],
  ['spec.ingress', Array.from({ length: 1025 }, () => ({ action: 'Deny' })), 'limit'],
];
const noServiceNamespace: Bad = [
  'spec.egress[0].destination.services',
  { name: 'a' },
  'V-RULE-13',
  'spec.egress[0].destination.services.namespace',
];

const badPolicy: readonly Bad[] = [
  ...ingress,
  ...badDirections,
  ['spec.tier', 'T', 'V-NAME'],
  ['spec.order', 'first', 'type'],
  ['spec.order', Number.POSITIVE_INFINITY, 'type'],
  ['spec.selector', 'global()', 'V-POL-1'],
  ['spec.selector', 'has(a', 'V-SELECTOR'],
  ['spec.types', ['Ingress', 'Ingress'], 'V-POL-6'],
  ['spec.types', ['ingress'], 'V-POL-6', 'spec.types[0]'],
  ['spec.performanceHints', ['AssumeNeededOnEveryNode', 'AssumeNeededOnEveryNode'], 'V-POL-8'],
];
const badGlobalPolicy: readonly Bad[] = [
  ...badPolicy,
  noServiceNamespace,
  ['metadata.name', 'a.b.c', 'V-NAME-GNP'],
  ['spec.namespaceSelector', 'global()', 'V-POL-1'],
  ['spec.preDNAT', true, 'V-POL-2'],
  ['spec.preDNAT', true, 'V-POL-3', 'spec.egress'],
  ['spec.preDNAT', true, 'V-POL-4', 'spec.types'],
  ['spec.applyOnForward', false, 'V-POL-5'],
  ['spec.doNotTrack', 'yes', 'type'],
];

/** What breaks the sample of each kind. */
export const bad: Readonly<Record<Kind, readonly Bad[]>> = {
  HostEndpoint: [
    ['metadata.name', 'A', 'V-NAME'],
    ['metadata.name', long(254), 'V-NAME'],
    ['metadata.name', '', 'V-NAME'],
    ['metadata.name', undefined, 'required'],
    ['metadata.namespace', 'default', 'namespace'],
    ['metadata.labels', { 'a/b/c': '' }, 'V-LABEL', 'metadata.labels["a/b/c"]'],
    ['metadata.labels', { a: 'b c' }, 'V-LABEL', 'metadata.labels.a'],
    ['metadata.labels', { a: long(64) }, 'V-LABEL', 'metadata.labels.a'],
    ['metadata.labels', JSON.parse('{"__proto__": "a"}'), 'V-LABEL', 'metadata.labels.__proto__'],
    ['metadata.annotations', { a: 'x'.repeat(256 * 1024) }, 'limit'],
    ['metadata.color', 'red', 'unknown-field'],
    ['status', {}, 'unknown-field'],
    ['spec', [], 'type'],
    ['spec.Node', 'n1', 'duplicate-key'],
    ['spec.node', '', 'V-HEP-1'],
    ['spec.node', 'N', 'V-HEP-1'],
    ['spec.interfaceName', long(16), 'V-HEP-2'],
    ['spec.interfaceName', 'eth0:1', 'V-HEP-2'],
    ['spec.expectedIPs', ['10.0.0.1/32'], 'V-HEP-3', 'spec.expectedIPs[0]'],
    ['spec', { node: 'n1', interfaceName: '', expectedIPs: [] }, 'V-HEP-6'],
    ['spec.profiles', ['P'], 'V-HEP-5', 'spec.profiles[0]'],
    ['spec.ports[0].name', 'a--b', 'V-EP-1'],
    ['spec.ports[0].protocol', 'ICMP', 'V-EP-2'],
    ['spec.ports[0].port', 0, 'V-EP-3'],
    ['spec.ports[0].port', '80', 'type'],
  ],
  WorkloadEndpoint: [
    ['metadata.namespace', 'a/b', 'namespace'],
    ['metadata.name', 'n1-k8s-my-pod-eth0', 'V-WEP-NAME'],
    ['spec.orchestrator', undefined, 'V-WEP-1'],
    ['spec.endpoint', 'a-', 'V-WEP-1'],
    ['spec.workload', 'W', 'V-NAME'],
    ['spec.containerID', '-', 'V-CID'],
    ['spec.ipNetworks', ['x'], 'V-WEP-2', 'spec.ipNetworks[0]'],
    ['spec.ipNetworks', ['10.65.0.0/24'], 'V-WEP-3', 'spec.ipNetworks[0]'],
    ['spec.ipNATs[0].externalIP', 'x', 'V-WEP-4'],
    ['spec.ipNATs[0].externalIP', 'fd00::1', 'V-WEP-5', 'spec.ipNATs[0]'],
    ['spec.ipNATs[0].internalIP', '10.65.0.3', 'V-WEP-6'],
    ['spec.ipv4Gateway', 'fd00::1', 'V-WEP-7'],
    ['spec.interfaceName', '', 'V-WEP-8'],
    ['spec.mac', 'ca:fe-1d:52:bb:e9', 'V-MAC'],
    ['spec.ports', [{ protocol: 'TCP', port: 80 }], 'V-WEP-9', 'spec.ports[0].name'],
    ['spec.ports[0].protocol', 'UDPLite', 'V-WEP-10'],
    ['spec.ports[0].port', 65536, 'V-WEP-11'],
    ['spec.ports[0].hostIP', '10.0.0.1/8', 'V-NET'],
    ['spec.allowSpoofedSourcePrefixes', ['x'], 'V-CIDR', 'spec.allowSpoofedSourcePrefixes[0]'],
    ['spec.qosControls.ingressBandwidth', 1.5, 'type'],
  ],
  Profile: [
    ...ingress,
    ...badDirections,
    noServiceNamespace,
    ['metadata.name', 'projectcalico-default-allow', 'V-PROF-RESERVED'],
    ['spec.labelsToApply', { 'a b': 'c' }, 'V-LABEL', 'spec.labelsToApply["a b"]'],
  ],
  GlobalNetworkPolicy: badGlobalPolicy,
  NetworkPolicy: [...badPolicy, ['metadata.name', 'knp.other.a', 'V-NAME-NP'], ['spec.preDNAT', true, 'unknown-field']],
  StagedNetworkPolicy: [
    ...badPolicy,
    ['spec.stagedAction', 'Delete', 'V-STG-1', 'spec.ingress'],
    ['spec.stagedAction', 'set', 'V-STG-1'],
  ],
  StagedGlobalNetworkPolicy: [...badGlobalPolicy, ['spec.stagedAction', 'Delete', 'V-STG-1', 'spec.order']],
  StagedKubernetesNetworkPolicy: [
    ['metadata.name', 'a_b', 'V-NAME-SKNP'],
    ['spec.stagedAction', 'Delete', 'V-STG-1', 'spec.podSelector'],
    ['spec.ingress[0].ports[0].port', 65536, 'V-STG-2'],
    ['spec.ingress[0].ports[0].endPort', 79, 'V-STG-2'],
    ['spec.egress[0].ports[0].endPort', 80, 'V-STG-2'],
    ['spec.podSelector', 'all()', 'type'],
    ['spec.tier', 'default', 'unknown-field'],
  ],
  Tier: [
    ['metadata.name', 'a.b', 'V-NAME-TIER'],
    ['metadata.name', long(64), 'V-NAME-TIER'],
    ['metadata.name', 'default', 'V-TIER-1', 'spec.defaultAction'],
    ['metadata.name', 'kube-admin', 'V-TIER-2', 'spec.order'],
    ['metadata.name', 'kube-baseline', 'V-TIER-3', 'spec.order'],
    ['spec.defaultAction', '', 'V-TIER-ACTION'],
    ['spec.order', '5', 'type'],
  ],
  NetworkSet: [
    [
      'metadata.labels',
      { 'projectcalico.org/namespace': 'x' },
      'V-NS-1',
      'metadata.labels["projectcalico.org/namespace"]',
    ],
    ['spec.nets', ['10/8'], 'V-CIDR', 'spec.nets[0]'],
  ],
  GlobalNetworkSet: [
    [
      'metadata.labels',
      { 'projectcalico.org/namespace': 'x' },
      'V-NS-1',
      'metadata.labels["projectcalico.org/namespace"]',
    ],
    ['spec.nets', ['fe80::1%eth0'], 'V-CIDR', 'spec.nets[0]'],
    ['spec.nets', '10.0.0.0/8', 'type'],
  ],
  FelixConfiguration: [
    ['spec.nodeSelector', 'all()', 'V-FC-1'],
    ['spec.iptablesRefreshInterval', '-1s', 'V-FC-2'],
    ['spec.iptablesRefreshInterval', '1us', 'V-FC-2'],
    ['spec.nftablesRefreshInterval', '30', 'V-FC-2'],
    ['spec.kubeNodePortRanges', ['http'], 'V-FC-3', 'spec.kubeNodePortRanges[0]'],
    ['spec.kubeNodePortRanges', [1, 2, 3, 4, 5, 6, 7, 8], 'V-FC-3'],
    ['spec.failsafeInboundHostPorts[0].protocol', 'ICMP', 'V-FC-4'],
    ['spec.failsafeInboundHostPorts[0].net', 'x', 'V-FC-4'],
    ['spec.failsafeInboundHostPorts[0].port', 65536, 'V-FC-4'],
    ['spec.logActionRateLimit', '0/second', 'V-FC-5'],
    ['spec.logActionRateLimitBurst', 10000, 'V-FC-5'],
    ['spec.defaultEndpointToHostAction', 'Maybe', 'V-FC-6'],
    ['spec.workloadSourceSpoofing', 'any', 'V-FC-6'],
    ['spec.nftablesMarkMask', -1, 'V-FC-MARK'],
    ['spec.logPrefix', 'a.b', 'V-FC-LOG'],
    ['spec.healthTimeoutOverrides[0].name', '?', 'V-FC-HEALTH'],
    ['spec.externalNodesList', ['fd00::/8'], 'V-FC-NODES', 'spec.externalNodesList[0]'],
    ['spec.prometheusMetricsHost', 'a b', 'V-FC-HOST'],
    ['spec.logDebugFilenameRegex', '(', 'V-FC-REGEX'],
    ['spec.ipv6Support', 1, 'type'],
    ['spec.failsafeInboundHostPort', [], 'unknown-field'],
  ],
  Node: [
    ['spec.bgp', {}, 'V-NODE-1'],
    ['spec.bgp.ipv4Address', 'fd00::1/64', 'V-CIDR'],
    ['spec.bgp.asNumber', '65536.1', 'V-NODE-AS'],
    ['spec.ipv6VXLANTunnelAddr', '10.0.0.1', 'V-IP'],
    ['status.wireguardPublicKey', 'AAAA', 'V-NODE-KEY'],
  ],
  ClusterInformation: [
    ['metadata.name', 'other', 'V-NAME'],
    ['spec.datastoreReady', 'true', 'type'],
  ],
};

/** What leaves the sample of a kind valid. */
export const good: Partial<Record<Kind, readonly Good[]>> = {
  HostEndpoint: [
    ['metadata.name', 12],
    ['metadata.labels', { a: true, b: 5, c: null, d: '' }],
    ['metadata.labels', null],
    ['spec.interfaceName', '*'],
    ['spec.expectedIPs', []],
    ['spec.ports[0].protocol', '6'],
    [
      'spec.ports',
      [
        { name: 'dns', protocol: 'UDP', port: 53 },
        { name: 'dns', protocol: 'UDP', port: 53 },
      ],
    ],
  ],
  WorkloadEndpoint: [
    ['metadata.name', ''],
    ['metadata.namespace', ''],
    ['spec.ipNetworks', ['10.65.0.2', '']],
    ['spec.mac', 'cafe.1d52.bbe9'],
    ['spec.mac', 'cafe1d52bbe9'],
  ],
  Profile: [['spec', null]],
  GlobalNetworkPolicy: [
    ['spec', {}],
    ['spec.order', null],
    ['spec.ingress[0].source.namespaceSelector', ' global( ) '],
    ['spec.ingress[0].source.notNets', ['0.0.0.0/00']],
    ['spec.ingress[0].source.nets', ['::ffff:10.0.0.0/104']],
    ['spec.ingress[0]', { action: 'Allow', destination: { ports: ['http'] } }],
    ['spec.ingress[0]', { action: 'Allow', notICMP: { type: 8 } }],
    ['spec.ingress[0].protocol', '017'],
  ],
  NetworkPolicy: [
    ['metadata.name', 'knp.default.a.b.c'],
    ['metadata.name', 'a.b'],
    ['spec.egress[0].destination.services', { name: 'a' }],
  ],
  StagedNetworkPolicy: [['spec', { stagedAction: 'Delete', types: ['Ingress'], selector: '' }]],
  StagedKubernetesNetworkPolicy: [['spec', { stagedAction: 'Delete', podSelector: {} }]],
  Tier: [['spec', {}]],
  NetworkSet: [['spec.nets', ['']]],
  FelixConfiguration: [
    ['spec.failsafeInboundHostPorts', [{ protocol: 'SCTP', port: 0 }]],
    ['spec.dataplaneWatchdogTimeout', '-1s'],
    ['spec.logDebugFilenameRegex', '(?i)(?P<x>a)'],
    ['spec.chainInsertMode', 'APPEND'],
  ],
  Node: [
    ['spec.bgp.asNumber', '65535.65535'],
    ['spec.addresses', [{ address: 'anything', type: 'Hostname' }]],
  ],
};

/** What makes an object of a kind that only a datastore yields invalid. */
export const badDerived: Readonly<Record<DerivedKind, readonly Bad[]>> = {
  KubernetesNetworkPolicy: [
    ['metadata.name', '', 'V-NAME'],
    ['metadata.namespace', undefined, 'required'],
    ['spec.selector', 'a ==', 'V-SELECTOR'],
    ['spec.ingress[0].action', 'allow', 'V-ACTION'],
    ['spec.ingress[0].protocol', 'gre', 'V-PROTO'],
    ['spec.egress[0].destination.nets', ['10.0.0.0/33'], 'V-NET', 'spec.egress[0].destination.nets[0]'],
  ],
  EndpointSlice: [
    ['metadata.name', undefined, 'required'],
    ['metadata.namespace', undefined, 'required'],
    ['spec.addresses', 'x', 'type'],
    ['spec.addresses', [{ ip: 'x' }], 'type', 'spec.addresses[0]'],
    ['spec.ports', [80], 'type', 'spec.ports[0]'],
    ['spec.ports[0].port', '5432', 'type'],
  ],
};

/** Changes of such an object that are told as warnings, and what else of it is used all the same. */
export const toldDerived: Readonly<Record<DerivedKind, readonly Bad[]>> = {
  KubernetesNetworkPolicy: [
    ['metadata.name', 'Upper', 'V-NAME'],
    ['spec.selector', selector1025, 'V-SELECTOR'],
    ['spec.ingress[0].source', { selector: selector1025 }, 'V-SELECTOR', 'spec.ingress[0].source.selector'],
    ['spec.egress[0].destination.notNets', Array.from({ length: 257 }, (_, i) => `10.0.${i % 256}.0/24`), 'limit'],
    ['spec.new', 1, 'unknown-field'],
  ],
  EndpointSlice: [
    ['spec.addresses[1]', 'db.example.org', 'endpoint-address'],
    ['spec.addresses[1]', '10.0.0.0/8', 'endpoint-address'],
    ['spec.ports[0].port', 0, 'endpoint-port'],
    ['spec.ports[0].port', 65536, 'endpoint-port'],
    ['spec.ports[0].protocol', 'ICMP', 'endpoint-port'],
    ['spec.ports[0].protocol', 'QUIC', 'endpoint-port'],
    ['spec.ports[0].name', 'sql', 'unknown-field'],
  ],
};
