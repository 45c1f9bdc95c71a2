import { readFileSync } from 'node:fs';
import t from 'tap';
import type { Conversion } from '../../src/datastore/kubernetes/conversion/conversion.js';
import { endpointSlice } from '../../src/datastore/kubernetes/conversion/endpoint-slice.js';
import type { Native } from '../../src/datastore/kubernetes/conversion/native.js';
import { kubernetesNetworkPolicy } from '../../src/datastore/kubernetes/conversion/network-policy.js';
import { calicoNode } from '../../src/datastore/kubernetes/conversion/node.js';
import {
  podInterface,
  podToListedEndpoint,
  podToWorkloadEndpoint,
} from '../../src/datastore/kubernetes/conversion/pod.js';
import {
  namespaceToProfile,
  profileOrigin,
  serviceAccountToProfile,
} from '../../src/datastore/kubernetes/conversion/profile.js';
import { parseQuantity } from '../../src/datastore/kubernetes/conversion/quantity.js';
import { reverseUid } from '../../src/datastore/kubernetes/conversion/reverse-uid.js';
import { fromStored, mayClash, toStored } from '../../src/datastore/kubernetes/conversion/stored-metadata.js';
import { isMap } from '../../src/resources/normalise.js';
import { parseResource } from '../../src/resources/parse-resource.js';
import { checkSelector } from '../../src/selector/check-selector.js';

/** An object of Kubernetes, and what Calico's own conversion (August 2026) makes of it: `calico`, `error` or both. */
interface Vector {
  readonly name: string;
  readonly kind: string;
  readonly object: Native;
  readonly calico?: unknown;
  readonly error?: string;
}

const vectors: readonly Vector[] = readFileSync(new URL('kubernetes-vectors.jsonl', import.meta.url), 'utf8')
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => JSON.parse(line));
const options = { interfacePrefix: 'cali' };

/** Where Calico's way is not taken, and why. */
const deviations: ReadonlyMap<string, string> = new Map([
  ['Pod floating addresses, no JSON', 'NAT is no reason to lose the endpoint; it is left out and told'],
  ['Pod spoofable prefixes, bad', 'fewer prefixes are stricter; it is left out and told'],
  ['NetworkPolicy bad block {"cidr": "10.0.0.0/33"}', 'no rule instead of one for all addresses'],
  ['NetworkPolicy bad block {"cidr": "10.0.0.1"}', 'no rule instead of one for all addresses'],
  ['NetworkPolicy bad block {"cidr": "x"}', 'no rule instead of one for all addresses'],
  ['NetworkPolicy bad block {"cidr": "10.0.0.0/8", "except": ["y"]}', 'no rule instead of one without the exception'],
  ['NetworkPolicy bad operator', 'no rule instead of one without the clause'],
  ['NetworkPolicy bad operator of the policy', 'invalid instead of a policy for all pods'],
  ['NetworkPolicy peer without fields', 'no rule instead of one for all pods of the namespace'],
]);

t.test('the same as Calico makes of it', async (t) => {
  for (const vector of vectors) {
    const name = `${vector.kind} ${vector.name}`;
    const ours = convert(vector);
    if (deviations.has(name)) t.notSame(ours, expected(vector), `${name}: otherwise, because ${deviations.get(name)}`);
    else t.same(ours, expected(vector), name);
  }
  const names = vectors.map(({ kind, name }) => `${kind} ${name}`);
  t.strictSame(
    [...deviations.keys()].filter((name) => !names.includes(name)),
    [],
    'each deviation is of a vector',
  );
});

t.test('what is converted is valid', async (t) => {
  for (const vector of vectors) {
    const made = conversion(vector);
    if (made?.is !== 'object' || ['KubernetesNetworkPolicy', 'EndpointSlice'].includes(made.key.kind)) continue;
    const { key, parsed } = parseResource(made.value, { unknownFields: 'error', defaults: 'none', checkSelector });
    t.strictSame(key, made.key, `${vector.name}: its key`);
    t.strictSame(parsed.valid ? [] : parsed.issues, [], vector.name);
  }
});

t.test('pods that are nothing to a policy', async (t) => {
  const state = (name: string): Conversion => podToWorkloadEndpoint(named('Pod', name).object, options);
  for (const name of [
    'no address',
    'not scheduled',
    'host network',
    'phase Succeeded',
    'phase Failed',
    'phase Completed',
  ])
    t.strictSame(state(name), { is: 'nothing' }, name);
  for (const name of ['being deleted, address taken away', 'being deleted, aws address taken away'])
    t.strictSame(state(name), { is: 'nothing' }, name);
  for (const name of ['phase Unknown', 'being deleted, address kept', 'annotation empty, not being deleted'])
    t.equal(state(name)?.is, 'object', name);
  const listed = podToListedEndpoint(named('Pod', 'no address').object, options);
  t.match(listed, { is: 'object', value: { spec: { ipNetworks: [] } } }, 'but it is listed');
  t.strictSame(podToListedEndpoint(named('Pod', 'host network').object, options), { is: 'nothing' });
});

t.test('the interface of a pod', async (t) => {
  t.equal(podInterface('default', 'nginx', 'cali'), 'calic440f455693');
  t.equal(podInterface('default', 'nginx', 'eni'), 'enic440f455693');
});

t.test('a pod whose address can not be read keeps its key', async (t) => {
  t.match(conversion(named('Pod', 'bad address')), {
    is: 'invalid',
    key: { kind: 'WorkloadEndpoint', namespace: 'default', name: 'node--1-k8s-nginx-eth0' },
    issues: [{ path: 'status.podIPs', message: "'10.0.0.256' is no IP address" }],
  });
});

t.test('an address is one address, whatever the annotation says', async (t) => {
  const pod = {
    metadata: { name: 'p', namespace: 'n', annotations: { 'cni.projectcalico.org/podIP': '10.0.0.5/24' } },
    spec: { nodeName: 'node' },
  };
  t.match(podToWorkloadEndpoint(pod, options), { value: { spec: { ipNetworks: ['10.0.0.5/32'] } } });
});

t.test('what is left out of a policy is told, with its place', async (t) => {
  const told = (name: string) => {
    const made = conversion(named('NetworkPolicy', name));
    return made?.is === 'object' ? made.warnings.map(({ path, message }) => `${path}: ${message}`) : made;
  };
  t.strictSame(told('bad block {"cidr": "x"}'), [
    "spec.ingress[0].from[0].ipBlock: 'x' is no network; the rule for this peer is left out",
  ]);
  t.strictSame(told('bad operator'), [
    "spec.ingress[0].from[0].podSelector: operator 'Near' is not known; the rule for this peer is left out",
  ]);
  t.strictSame(told('bad port {"port": "a b"}'), ["spec.ingress[0].ports: 'a b' is no port; the rule is left out"]);
  t.strictSame(told('egress rules without their type'), [
    "spec.egress: has rules, but policyTypes does not list 'Egress'; they do nothing",
  ]);
  const made = conversion(named('NetworkPolicy', 'bad block {"cidr": "x"}'));
  t.match(made, {
    value: { spec: { ingress: [{ source: { selector: "projectcalico.org/orchestrator == 'k8s'" } }] } },
  });
  t.match(conversion(named('NetworkPolicy', 'bad operator of the policy')), {
    is: 'invalid',
    key: { kind: 'KubernetesNetworkPolicy', namespace: 'ns1', name: 'p1' },
    issues: [{ path: 'spec.podSelector' }],
  });
});

t.test('text of a label can not end the quotes of a selector', async (t) => {
  const policy = {
    metadata: { name: 'p', namespace: 'n' },
    spec: { podSelector: { matchLabels: { a: "' || all() || a == '" } } },
  };
  t.match(kubernetesNetworkPolicy(policy), { is: 'invalid' });
});

t.test('slices of endpoints', async (t) => {
  const slice = (fields: Native, labels: Native = { 'kubernetes.io/service-name': 'web' }): Native => ({
    metadata: { name: 'web-x1', namespace: 'prod', labels },
    addressType: 'IPv4',
    ...fields,
  });
  const endpoints = [
    { addresses: ['10.65.0.2'], conditions: { ready: true } },
    { addresses: ['10.65.0.3'], conditions: { ready: false, terminating: true } },
    { addresses: ['10.65.0.2'] },
  ];
  const ports = [{ name: 'http', port: 8080 }, { protocol: 'UDP', port: 53 }, { name: 'all' }, { port: null }];
  t.strictSame(endpointSlice(slice({ endpoints, ports })), {
    is: 'object',
    key: { kind: 'EndpointSlice', namespace: 'prod', name: 'web-x1' },
    value: {
      apiVersion: 'projectcalico.org/v3',
      kind: 'EndpointSlice',
      metadata: { name: 'web-x1', namespace: 'prod' },
      spec: {
        service: 'web',
        addresses: ['10.65.0.2', '10.65.0.3'],
        ports: [
          { protocol: 'TCP', port: 8080 },
          { protocol: 'UDP', port: 53 },
        ],
      },
    },
    warnings: [],
  });
  t.strictSame(endpointSlice(slice({ endpoints, ports, addressType: 'FQDN' })), { is: 'nothing' }, 'names');
  t.strictSame(endpointSlice(slice({ endpoints, ports }, {})), { is: 'nothing' }, 'of no service');
  t.match(endpointSlice(slice({ endpoints: null, ports: null })), { value: { spec: { addresses: [], ports: [] } } });
});

t.test('what profiles are made from', async (t) => {
  t.strictSame(profileOrigin('kns.prod'), { namespace: 'prod' });
  t.strictSame(profileOrigin('ksa.prod.sa.1'), { namespace: 'prod', serviceAccount: 'sa.1' });
  t.equal(profileOrigin('projectcalico-default-allow'), undefined);
});

t.test('quantities', async (t) => {
  const values: readonly [string, bigint | undefined][] = [
    ['10M', 10_000_000n],
    ['1.5Gi', 1_610_612_736n],
    ['1500m', 2n],
    ['1e3', 1000n],
    ['12e-1', 2n],
    ['1E', 10n ** 18n],
    ['-1.5', -1n],
    ['.5', 1n],
    ['1n', 1n],
    ['', undefined],
    ['.', undefined],
    ['1kk', undefined],
    ['0x10', undefined],
  ];
  for (const [text, value] of values) t.equal(parseQuantity(text), value, text);
});

t.test('uids', async (t) => {
  const uid = '1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed';
  t.not(reverseUid(uid), uid);
  t.equal(reverseUid(reverseUid(uid)), uid, 'its own inverse');
  t.equal(reverseUid('no uid'), 'no uid');
});

t.test('what was stored reads back the same', async (t) => {
  const object = {
    apiVersion: 'projectcalico.org/v3',
    kind: 'GlobalNetworkPolicy',
    metadata: {
      name: 'default.p1',
      uid: '1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed',
      resourceVersion: '7',
      creationTimestamp: '2026-01-02T03:04:05Z',
      labels: { a: 'b', 'projectcalico.org/tier': 'default' },
      annotations: { note: 'x' },
    },
    spec: { tier: 'default', selector: 'all()' },
  };
  for (const group of ['crd.projectcalico.org/v1', 'projectcalico.org/v3'] as const) {
    const stored = toStored(object, 'GlobalNetworkPolicy', group);
    t.equal(stored.apiVersion, group);
    t.strictSame(fromStored(stored, 'GlobalNetworkPolicy', group), object, group);
  }
  t.strictSame(toStored(object, 'GlobalNetworkPolicy', 'projectcalico.org/v3'), object, 'v3 stores what users write');
  t.ok(mayClash('NetworkPolicy', 'crd.projectcalico.org/v1'));
  t.notOk(mayClash('NetworkPolicy', 'projectcalico.org/v3'));
});

t.test('a tier without order has one', async (t) => {
  const tier = { metadata: { name: 't' }, spec: {} };
  for (const group of ['crd.projectcalico.org/v1', 'projectcalico.org/v3'] as const)
    t.match(fromStored(tier, 'Tier', group), { spec: { order: 1_000_000, defaultAction: 'Deny' } });
});

function named(kind: string, name: string): Vector {
  const found = vectors.find((vector) => vector.kind === kind && vector.name === name);
  if (found === undefined) throw new Error(`no vector ${kind} ${name}`);
  return found;
}

function conversion({ kind, object }: Vector): Conversion | undefined {
  switch (kind) {
    case 'Pod':
      return podToListedEndpoint(object, options);
    case 'Namespace':
      return namespaceToProfile(object);
    case 'ServiceAccount':
      return serviceAccountToProfile(object);
    case 'NetworkPolicy':
      return kubernetesNetworkPolicy(object);
    case 'Node':
      return calicoNode(object);
    default:
      return undefined;
  }
}

function convert(vector: Vector): unknown {
  const [way, kind] = vector.kind.split(':');
  if (kind !== undefined) {
    const make = way === 'from' ? fromStored : toStored;
    const made = make(vector.object, kind, 'crd.projectcalico.org/v1');
    return typeof made === 'string' ? 'error' : comparable(made);
  }
  const made = conversion(vector);
  if (made?.is === 'object') return comparable(made.value);
  return made?.is === 'nothing' ? 'not valid' : 'error';
}

function expected({ kind, calico, error }: Vector): unknown {
  return error !== undefined && kind !== 'NetworkPolicy' ? 'error' : comparable(calico);
}

/** Without what says the same as nothing, and without what only one of the two writes. */
function comparable(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(comparable);
  if (!isMap(value)) return value;
  const entries = Object.entries(value)
    .filter(([key]) => !['apiVersion', 'kind', 'resourceVersion', 'projectcalico.org/kube-labels'].includes(key))
    .map(([key, field]) => [key, key === 'projectcalico.org/metadata' ? readJson(field) : comparable(field)] as const)
    .filter(
      ([key, field]) => field !== null && field !== '' && !(key === 'hostPort' && field === 0) && !isEmpty(field),
    );
  return Object.fromEntries(entries);
}

function readJson(text: unknown): unknown {
  return comparable(JSON.parse(String(text)));
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}
