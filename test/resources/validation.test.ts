import { readdirSync, readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import t from 'tap';
import { type Kind, kindNamed, kinds } from '../../src/resources/kinds.js';
import { defaultAllowProfile } from '../../src/resources/packaged-rules.js';
import { type ParseOptions, parseResource } from '../../src/resources/parse-resource.js';
import { parsePath, pathText } from '../../src/resources/path.js';
import type { Issue } from '../../src/resources/resource.js';
import { workloadEndpointName } from '../../src/resources/workload-endpoint-name.js';
import { checkSelector } from '../../src/selector/check-selector.js';
import { type Fields, sample, withField } from './sample-resources.js';

const asUser: ParseOptions = { unknownFields: 'error', defaults: 'client', checkSelector };
const fromDatastore: ParseOptions = { unknownFields: 'warning', defaults: 'none', checkSelector };
const allKinds = Object.keys(kinds) as Kind[];

function issuesOf(value: unknown, options = asUser): readonly Issue[] {
  const { parsed } = parseResource(value, options);
  return parsed.valid ? [] : parsed.issues;
}

/** Path in the object, value to put there, the rule that it breaks and where that is told, if not there. */
type Bad = readonly [path: string, value: unknown, code: string, told?: string | undefined];
/** Changes that leave an object valid. */
type Good = readonly [path: string, value: unknown];

const long = (length: number) => 'a'.repeat(length);
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

const bad: Readonly<Record<Kind, readonly Bad[]>> = {
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

const good: Partial<Record<Kind, readonly Good[]>> = {
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

for (const kind of allKinds) {
  t.test(kind, async (t) => {
    t.strictSame(issuesOf(sample(kind)), [], 'the sample is valid');
    t.ok(bad[kind].length > 0, 'has bad cases');
    for (const [path, value, code, told = path] of bad[kind]) {
      const issues = issuesOf(withField(sample(kind), path, value));
      const found = issues.some((issue) => issue.code === code && issue.path === told && issue.message !== '');
      t.ok(found, `${code} at ${told}, for ${path} = ${String(JSON.stringify(value)).slice(0, 60)}`, { issues });
    }
    for (const [path, value] of good[kind] ?? [])
      t.strictSame(issuesOf(withField(sample(kind), path, value)), [], `${path} = ${JSON.stringify(value)} is valid`);
  });
}

t.test('every rule has a bad case', async (t) => {
  const directory = new URL('../../src/resources/', import.meta.url);
  const sources = readdirSync(directory).map((file) => readFileSync(new URL(file, directory), 'utf8'));
  const rules = new Set(sources.join('\n').match(/(?<=')V-[A-Z]+(?:-[A-Z0-9]+)*(?=')/g));
  const tried = new Set(Object.values(bad).flatMap((cases) => cases.map(([, , code]) => code)));
  rules.delete('V-FC');
  t.ok(rules.size > 60, 'the rules were found');
  t.strictSame(
    [...rules].filter((rule) => !tried.has(rule)),
    [],
  );
});

t.test('all that is wrong is told', async (t) => {
  const object = sample('HostEndpoint');
  object.spec = {
    node: 'N',
    interfaceName: 'a/b',
    expectedIPs: ['x'],
    profiles: ['P'],
    ports: [{ name: '', protocol: 'X', port: 0 }],
    more: 1,
  };
  t.strictSame(
    issuesOf(object)
      .map(({ path }) => path)
      .sort(),
    [
      'spec.expectedIPs[0]',
      'spec.interfaceName',
      'spec.more',
      'spec.node',
      'spec.ports[0].name',
      'spec.ports[0].port',
      'spec.ports[0].protocol',
      'spec.ports[0].protocol',
      'spec.profiles[0]',
    ],
  );
  const rule = withField(sample('Profile'), 'spec.ingress[0].action', 'allow');
  const codes = issuesOf(withField(rule, 'spec.ingress[0].source.nets', ['10.0.0.1'])).map(({ code }) => code);
  t.strictSame(codes.sort(), ['V-ACTION', 'V-RULE-6']);
});

t.test('envelope', async (t) => {
  for (const value of [null, 42, 'x', [], true])
    t.strictSame(
      issuesOf(value).map(({ code }) => code),
      ['type'],
    );
  const codesFor = (change: Fields) =>
    issuesOf({ ...sample('Tier'), ...change }).map(({ path, code }) => `${path} ${code}`);
  t.strictSame(codesFor({ kind: undefined }), ['kind required']);
  t.strictSame(codesFor({ kind: 'tier' }), ['kind kind']);
  t.strictSame(codesFor({ kind: 7 }), ['kind kind']);
  t.strictSame(codesFor({ kind: 'constructor' }), ['kind kind']);
  t.strictSame(codesFor({ apiVersion: 'v1' }), ['apiVersion api-version']);
  t.strictSame(codesFor({ apiVersion: undefined, APIVersion: 'projectcalico.org/v3' }), ['apiVersion api-version']);
  t.strictSame(codesFor({ metadata: null }), ['metadata.name required']);
  t.strictSame(codesFor({ metadata: 'x' }), ['metadata type']);
});

t.test('keys', async (t) => {
  const keyOf = (value: unknown) => parseResource(value, asUser).key;
  t.strictSame(keyOf(sample('Tier')), { kind: 'Tier', name: 't1' });
  t.strictSame(keyOf(withField(sample('NetworkPolicy'), 'metadata.namespace', undefined)), {
    kind: 'NetworkPolicy',
    namespace: 'default',
    name: 'n1',
  });
  t.strictSame(
    keyOf(withField(sample('Tier'), 'spec.order', 'x')),
    { kind: 'Tier', name: 't1' },
    'an invalid object has one too',
  );
  t.equal(keyOf(withField(sample('Tier'), 'metadata.name', '')), undefined);
  t.equal(
    parseResource(withField(sample('NetworkPolicy'), 'metadata.namespace', ''), fromDatastore).key?.namespace,
    '',
  );
});

t.test('field names in any letter case', async (t) => {
  const { parsed } = parseResource(
    {
      apiVersion: 'projectcalico.org/v3',
      kind: 'GlobalNetworkPolicy',
      Metadata: { NAME: 'p' },
      spec: { preDnat: true, ApplyOnForward: true, ingress: [{ Action: 'Deny' }] },
    },
    asUser,
  );
  t.match(parsed, {
    valid: true,
    resource: { metadata: { name: 'p' }, spec: { preDNAT: true, applyOnForward: true, ingress: [{ action: 'Deny' }] } },
  });
});

t.test('what the client fills in', async (t) => {
  const filled = (kind: Kind, metadata: Fields, spec: unknown) => {
    const { parsed } = parseResource({ apiVersion: 'projectcalico.org/v3', kind, metadata, spec }, asUser);
    return parsed.valid ? parsed.resource : parsed.issues;
  };
  const deny = [{ action: 'Deny' }];
  t.match(filled('GlobalNetworkPolicy', { name: 'p' }, {}), {
    metadata: { labels: { 'projectcalico.org/tier': 'default' } },
    spec: { tier: 'default', types: ['Ingress'] },
  });
  t.match(filled('NetworkPolicy', { name: 'p' }, { egress: deny }), {
    metadata: { namespace: 'default' },
    spec: { types: ['Egress'] },
  });
  t.match(filled('NetworkPolicy', { name: 'p' }, { ingress: deny, egress: deny, types: [] }), {
    spec: { types: ['Ingress', 'Egress'] },
  });
  t.match(filled('NetworkPolicy', { name: 'p' }, { ingress: deny, types: ['Egress'] }), {
    spec: { types: ['Egress'] },
  });
  t.match(filled('Tier', { name: 't' }, { order: null }), { spec: { order: 1_000_000, defaultAction: 'Deny' } });
  t.match(filled('StagedGlobalNetworkPolicy', { name: 'p' }, null), { spec: { stagedAction: 'Set' } });
  t.match(
    filled(
      'WorkloadEndpoint',
      { labels: { a: 'b' } },
      { node: 'n1', orchestrator: 'cni', containerID: '0a-b', endpoint: 'eth0', interfaceName: 'cali1' },
    ),
    {
      metadata: {
        name: 'n1-cni-0a--b-eth0',
        namespace: 'default',
        labels: { a: 'b', 'projectcalico.org/namespace': 'default', 'projectcalico.org/orchestrator': 'cni' },
      },
    },
  );
  const stored = parseResource(
    { apiVersion: 'projectcalico.org/v3', kind: 'GlobalNetworkPolicy', metadata: { name: 'p' }, spec: {} },
    fromDatastore,
  );
  t.ok(
    stored.parsed.valid &&
      stored.parsed.resource.kind === 'GlobalNetworkPolicy' &&
      stored.parsed.resource.spec.types === undefined,
    'nothing is inferred for what is stored',
  );
});

t.test('decoded as Calico does', async (t) => {
  const { parsed } = parseResource(
    withField(sample('GlobalNetworkPolicy'), 'spec.ingress', [
      { action: 'Allow', protocol: '6', destination: { ports: ['80', '080:0090', '7:7', 'http'] } },
    ]),
    asUser,
  );
  t.match(parsed, {
    resource: { spec: { ingress: [{ protocol: 6, destination: { ports: [80, '80:90', 7, 'http'] } }] } },
  });
  t.match(parseResource(withField(sample('Node'), 'spec.bgp.asNumber', '1.10'), asUser).parsed, {
    resource: { spec: { bgp: { asNumber: 65546 } } },
  });
  t.match(parseResource(withField(sample('FelixConfiguration'), 'spec.reportingTTL', '.5s'), asUser).parsed, {
    resource: { spec: { reportingTTL: '500ms' } },
  });
});

t.test('what datastores may hold', async (t) => {
  const lenient: readonly (readonly [Kind, string, unknown])[] = [
    ['HostEndpoint', 'metadata.name', 'Host_1'],
    ['HostEndpoint', 'spec.profiles', [`ksa.${long(200)}`, 'Upper']],
    ['HostEndpoint', 'spec.ports[0].protocol', 'tcp'],
    ['HostEndpoint', 'spec.ports[0].protocol', 132],
    ['HostEndpoint', 'metadata.labels', { 'a b': 'c' }],
    ['GlobalNetworkPolicy', 'spec.ingress[0].protocol', 'tcp'],
    ['GlobalNetworkPolicy', 'spec.ingress[0].source.nets', ['10.0.0.1', '10.0.0.1/8']],
    ['GlobalNetworkPolicy', 'spec.ingress[0].destination.ports', ['HTTP_x']],
    ['GlobalNetworkPolicy', 'spec.newField', 1],
    ['FelixConfiguration', 'spec.logPrefix', 'a.b'],
  ];
  for (const [kind, path, value] of lenient) {
    const object = withField(sample(kind), path, value);
    t.strictSame(issuesOf(object, fromDatastore), [], `${path} = ${JSON.stringify(value)} is used`);
  }
  const strict: readonly (readonly [Kind, string, unknown])[] = [
    ['GlobalNetworkPolicy', 'spec.ingress[0].action', ''],
    ['GlobalNetworkPolicy', 'spec.ingress[0].action', undefined],
    ['Profile', 'spec.egress[0].action', 'allow'],
    ['GlobalNetworkPolicy', 'spec.ingress[0].source.nets', ['10.0.0.0/33']],
    ['GlobalNetworkPolicy', 'spec.ingress[0].source.namespaceSelector', '(('],
    ['GlobalNetworkPolicy', 'spec.ingress[0].protocol', 'gre'],
    ['HostEndpoint', 'metadata.name', ''],
    ['HostEndpoint', 'spec.interfaceName', 'a/b'],
  ];
  for (const [kind, path, value] of strict)
    t.not(
      issuesOf(withField(sample(kind), path, value), fromDatastore).length,
      0,
      `${path} = ${JSON.stringify(value)} is not`,
    );
  const { parsed } = parseResource(withField(sample('HostEndpoint'), 'spec.ports[0].protocol', 'tcp'), fromDatastore);
  t.match(parsed, { resource: { spec: { ports: [{ protocol: 'TCP' }] } } });
});

t.test('warnings', async (t) => {
  const warningsOf = (value: unknown, options = asUser) =>
    parseResource(value, options).parsed.warnings.map(({ path, code }) => `${path} ${code}`);
  t.strictSame(warningsOf(sample('Profile')), ['spec.ingress[1].http http-ignored']);
  t.strictSame(
    warningsOf(
      withField(sample('HostEndpoint'), 'metadata.labels', {
        'projectcalico.org/namespace': 'a',
        'pcns.b': 'c',
        d: 'e',
      }),
    ),
    ['metadata.labels["projectcalico.org/namespace"] namespace-label', 'metadata.labels["pcns.b"] namespace-label'],
  );
  const unknown = withField(withField(sample('HostEndpoint'), 'spec.ports[0].color', 1), 'extra', 2);
  t.strictSame(warningsOf(unknown, fromDatastore), ['spec.ports[0].color unknown-field', 'extra unknown-field']);
  const { parsed } = parseResource(unknown, fromDatastore);
  t.strictSame(parsed.valid && parsed.resource, sample('HostEndpoint'), 'unknown fields are left out');
  t.strictSame(warningsOf(withField(sample('FelixConfiguration'), 'spec.nftablesMode', 'Disabled')), [
    'spec.nftablesMode nftables-only',
  ]);
});

t.test('names of kinds', async (t) => {
  for (const kind of allKinds) {
    const { plural, shortNames } = kinds[kind];
    for (const name of [kind, kind.toUpperCase(), plural, ...shortNames]) t.equal(kindNamed(name)?.kind, kind, name);
  }
  t.equal(kindNamed('ippool'), undefined);
});

t.test('names of workload endpoints', async (t) => {
  t.strictSame(workloadEndpointName({ node: 'n-1', orchestrator: 'k8s', pod: 'my-nginx', endpoint: 'eth0' }), {
    name: 'n--1-k8s-my--nginx-eth0',
  });
  t.strictSame(workloadEndpointName({ node: 'n', orchestrator: 'libnetwork', workload: 'w', endpoint: 'e' }), {
    name: 'n-libnetwork-libnetwork-e',
  });
  t.match(workloadEndpointName({ node: '-n', orchestrator: 'x', endpoint: 'e' }), {
    problems: [{ field: 'node' }, { field: 'workload' }],
  });
});

t.test('the built-in profile', async (t) => {
  t.match(defaultAllowProfile, {
    metadata: { name: 'projectcalico-default-allow' },
    spec: { ingress: [{ action: 'Allow' }], egress: [{ action: 'Allow' }] },
  });
});

t.test('paths', async (t) => {
  const paths = [
    [],
    ['spec', 'ingress', 0, 'action'],
    [2, 'a'],
    ['metadata', 'labels', 'a.b/c"]'],
    ['metadata', 'labels', ''],
  ];
  for (const path of paths) t.strictSame(parsePath(pathText(path)), path, pathText(path));
  t.equal(pathText(['metadata', 'labels', 'a.b/c']), 'metadata.labels["a.b/c"]');
});

t.test('any JSON is either valid or has issues', async (t) => {
  const anything = fc.jsonValue({ maxDepth: 4 });
  const check = (value: unknown): void => {
    for (const options of [asUser, fromDatastore]) {
      const { parsed } = parseResource(value, options);
      if (!parsed.valid) {
        if (parsed.issues.length === 0) throw new Error('invalid without an issue');
        if (parsed.issues.some(({ message }) => message === '')) throw new Error('an issue without a message');
      } else if (options === asUser) {
        const again = parseResource(JSON.parse(JSON.stringify(parsed.resource)), options).parsed;
        if (!again.valid || !isDeepStrictEqual(again.resource, parsed.resource))
          throw new Error('changes when parsed again');
      }
    }
  };
  t.doesNotThrow(() => fc.assert(fc.property(anything, check), { numRuns: 200 }));
  const mutation = fc.tuple(fc.constantFrom(...allKinds), fc.nat(), anything);
  const checkMutation = ([kind, index, value]: [Kind, number, unknown]): void => {
    const object = sample(kind);
    const places = leaves(object);
    const place = places[index % places.length];
    if (place !== undefined) place.holder[place.key] = value;
    check(object);
    if (issuesOf(object).some(({ path }) => path === '')) throw new Error('an issue without a path');
  };
  t.doesNotThrow(() => fc.assert(fc.property(mutation, checkMutation), { numRuns: 1000 }));
});

interface Place {
  readonly holder: Fields;
  readonly key: string;
}

function leaves(holder: Fields): Place[] {
  return Object.entries(holder).flatMap(([key, value]) => [
    { holder, key },
    ...(typeof value === 'object' && value !== null ? leaves(value as Fields) : []),
  ]);
}
