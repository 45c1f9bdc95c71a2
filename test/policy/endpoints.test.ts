import t from 'tap';
import { comparePolicies, compareTiers } from '../../src/policy/policy-order.js';
import { resolveInterfaces } from '../../src/policy/resolve-interfaces.js';
import { calculate, fromYaml, interfaces, newCalculator, oneFromYaml, SOME_INTERFACES } from './from-yaml.js';

t.test('order of tiers', async (t) => {
  const tier = (name: string, order?: number, exists = true) => ({ name, order, exists });
  const sorted = [
    tier('ghost', undefined, false),
    tier('b'),
    tier('default', 1_000_000),
    tier('a', 1_000_000),
    tier('kube-admin', 1000),
    tier('negative', -1),
    tier('a-ghost', undefined, false),
    tier('zero', 0),
  ].sort(compareTiers);
  t.strictSame(
    sorted.map(({ name }) => name),
    ['negative', 'zero', 'kube-admin', 'a', 'default', 'b', 'a-ghost', 'ghost'],
  );
});

t.test('order of policies', async (t) => {
  const policy = (tie: string, order?: number) => ({ tie, order });
  const sorted = [
    policy('z//GlobalNetworkPolicy'),
    policy('a//GlobalNetworkPolicy', 10),
    policy('a-b//GlobalNetworkPolicy', 10),
    policy('a/ns/NetworkPolicy', 10),
    policy('a.b//GlobalNetworkPolicy', 10),
    policy('y//GlobalNetworkPolicy', 10.5),
    policy('x//GlobalNetworkPolicy', -2),
    policy('w//GlobalNetworkPolicy', 0),
    policy('a/ns/KubernetesNetworkPolicy', 10),
  ].sort(comparePolicies);
  t.strictSame(
    sorted.map(({ tie }) => tie.split('//')[0]),
    ['x', 'w', 'a-b', 'a.b', 'a', 'a/ns/KubernetesNetworkPolicy', 'a/ns/NetworkPolicy', 'y', 'z'],
    'the joined text decides a tie',
  );
});

const exclude = { names: ['kube-ipvs0'], patterns: [/^dummy/] };
const parameters = { interfacePrefix: ['cali', 'tap'], interfaceExclude: exclude };

/** `name: interface or addresses` → where each is active. */
function resolved(endpoints: Readonly<Record<string, string>>, on = SOME_INTERFACES) {
  const all = Object.entries(endpoints).map(([name, where]) => {
    const spec = where.includes('[') ? where : `interfaceName: "${where}"`;
    return oneFromYaml('HostEndpoint', `metadata: {name: ${name}}\nspec: {node: n1, ${spec}}`);
  });
  return Object.fromEntries(resolveInterfaces(all, on, parameters));
}

t.test('where host endpoints are active', async (t) => {
  const byIp = 'expectedIPs: [192.0.2.1]';
  t.strictSame(resolved({ h: 'eth0' }), { h: ['eth0'] });
  t.strictSame(
    resolved({ h: 'expectedIPs: [203.0.113.1, "2001:0DB8::1"]' }),
    { h: ['eth0'] },
    'one address is enough, of either family',
  );
  t.strictSame(resolved({ h: 'expectedIPs: ["::ffff:192.0.2.1"]' }), { h: ['eth0'] }, 'compared by value');
  t.strictSame(resolved({ h: 'expectedIPs: [192.0.2.1, 198.51.100.1]' }), { h: ['eth0', 'eth1'] }, 'on two interfaces');
  t.strictSame(
    resolved({ h: 'interfaceName: eth0, expectedIPs: [198.51.100.1]' }),
    { h: ['eth0'] },
    'with a name only that counts',
  );
  t.strictSame(resolved({ h: 'expectedIPs: [203.0.113.1]' }), { h: [] });
  t.strictSame(resolved({ b: 'eth0', a: byIp }), { a: ['eth0'], b: [] }, 'the smallest name wins, however it matches');
  t.strictSame(resolved({ a: 'eth0', b: byIp }), { a: ['eth0'], b: [] });
  t.strictSame(resolved({ a2: 'eth0', a10: 'eth0' }), { a10: ['eth0'], a2: [] }, 'byte by byte');
  t.strictSame(
    resolved({ b: 'expectedIPs: [192.0.2.1, 198.51.100.1]', a: 'eth1' }),
    { a: ['eth1'], b: ['eth0'] },
    'a loser here may win there',
  );
  t.strictSame(resolved({ w: '*', h: 'eth0' }), { h: ['eth0'], w: ['*'] });
  t.strictSame(resolved({ w2: '*', w1: '*' }), { w1: ['*'], w2: [] });
  t.strictSame(resolved({ w: 'interfaceName: "*", expectedIPs: [192.0.2.1]' }), { w: ['*'] });
  t.strictSame(resolved({ h: 'eth5' }), { h: ['eth5'] }, 'rules are there before the interface');
  t.strictSame(resolved({ h: 'cali1', i: 'tap9' }), { h: [], i: [] }, 'never a workload interface');
  t.strictSame(resolved({ h: 'expectedIPs: ["fe80::1"]' }), { h: [] }, 'not by address either');
  t.strictSame(resolved({ h: 'lo' }), { h: ['lo'] });
  const excluded = interfaces({ 'kube-ipvs0': ['192.0.2.1'], dummy7: ['192.0.2.1'], eth0: [] });
  t.strictSame(
    resolved({ h: byIp, i: 'kube-ipvs0', j: 'dummy7' }, excluded),
    { h: [], i: [], j: [] },
    'excluded interfaces',
  );
  t.strictSame(resolved({ h: 'eth0' }, interfaces({ '!eth0': [] })), { h: ['eth0'] }, 'down and without address');
});

const hep = (name: string, spec: string, labels = 'role: a') => `
---
kind: HostEndpoint
metadata: {name: ${name}, labels: {${labels}}}
spec: {node: n1, ${spec}}
`;
const wep = (pod: string, spec: string, namespace = 'ns1') => `
---
kind: WorkloadEndpoint
metadata: {namespace: ${namespace}, labels: {role: a}}
spec: {node: n1, orchestrator: k8s, pod: ${pod}, endpoint: eth0, ${spec}}
`;
const gnp = (name: string, spec: string) => `
---
kind: GlobalNetworkPolicy
metadata: {name: ${name}}
spec: {selector: role == 'a', ${spec}}
`;

t.test('the state of an endpoint', async (t) => {
  const of = (yaml: string, on = SOME_INTERFACES) => calculate(yaml, { on }).hostPolicy.hostEndpoints[0]?.state;
  t.equal(of(hep('h', 'interfaceName: eth0')), 'up');
  t.equal(of(hep('h', 'interfaceName: eth0'), interfaces({ '!eth0': [] })), 'down');
  t.equal(
    of(hep('h', 'expectedIPs: [10.0.0.1]'), interfaces({ eth0: ['10.0.0.1'], '!eth1': ['10.0.0.1'] })),
    'down',
    'one of them is down',
  );
  t.equal(of(hep('h', 'interfaceName: eth5')), 'error', 'no interface');
  t.equal(of(hep('h', 'expectedIPs: [10.0.0.1]')), 'error');
  t.equal(of(hep('h', 'interfaceName: "*"')), 'up');
});

const policies =
  gnp('normal', 'types: [Ingress]') +
  gnp('forward', 'applyOnForward: true, types: [Ingress, Egress]') +
  gnp('pre', 'preDNAT: true, applyOnForward: true, types: [Ingress]') +
  gnp('untracked', 'doNotTrack: true, applyOnForward: true, types: [Egress]');

t.test('classes of policy', async (t) => {
  const { hostEndpoints, workloadEndpoints } = calculate(
    hep('h', 'interfaceName: eth0') +
      hep('w', 'interfaceName: "*"') +
      wep('p', 'interfaceName: cali1, ipNetworks: [10.0.0.1]') +
      policies,
  ).hostPolicy;
  const tier = (ingress: string[], egress: string[], defaultAction = 'Deny') => [
    {
      name: 'default',
      defaultAction,
      ingress: ingress.map((name) => `GlobalNetworkPolicy/${name}`),
      egress: egress.map((name) => `GlobalNetworkPolicy/${name}`),
    },
  ];
  const [named, wildcard] = hostEndpoints;
  t.match(named, { name: 'h', wildcard: false });
  t.strictSame(named?.untracked, tier([], ['untracked'], 'Pass'));
  t.strictSame(named?.preDNAT, tier(['pre'], [], 'Pass'));
  t.strictSame(named?.forward, tier(['forward'], ['forward']));
  t.strictSame(named?.normal, tier(['forward', 'normal'], ['forward']));
  t.strictSame(wildcard?.untracked, [], 'not on the wildcard');
  t.strictSame(wildcard?.preDNAT, named?.preDNAT);
  t.strictSame(workloadEndpoints[0]?.normal, named?.normal, 'on a workload only normal policy');
});

t.test('types of a policy', async (t) => {
  const normal = (spec: string, defaults: 'client' | 'none') =>
    calculate(fromYaml(hep('h', 'interfaceName: eth0') + gnp('p', spec), defaults)).hostPolicy.hostEndpoints[0]
      ?.normal[0];
  const directions = (spec: string, defaults: 'client' | 'none' = 'none') => {
    const tier = normal(spec, defaults);
    return `${tier?.ingress.length} ${tier?.egress.length}`;
  };
  t.equal(directions('egress: [{action: Allow}]', 'client'), '0 1', 'the client fills them in');
  t.equal(directions('egress: [{action: Allow}]'), '1 1', 'stored without types: both');
  t.equal(directions('types: [], egress: [{action: Allow}]'), '1 1', 'or with an empty list');
  t.equal(directions('types: [Ingress], egress: [{action: Allow}]'), '1 0');
});

t.test('tiers of an endpoint', async (t) => {
  const tiers = (yaml: string) =>
    calculate(hep('h', 'interfaceName: eth0') + yaml).hostPolicy.hostEndpoints[0]?.normal.map(
      ({ name, defaultAction }) => `${name} ${defaultAction}`,
    );
  const tier = (name: string, spec: string) => `\n---\nkind: Tier\nmetadata: {name: ${name}}\nspec: {${spec}}\n`;
  t.strictSame(tiers(''), [], 'none without policy');
  t.strictSame(
    tiers(
      tier('t1', 'order: 5') +
        tier('t2', 'order: 4, defaultAction: Pass') +
        tier('unused', '') +
        gnp('a', 'tier: t1') +
        gnp('b', 'tier: t2') +
        gnp('c', '') +
        gnp('d', 'tier: ghost') +
        gnp('e', 'tier: kube-admin') +
        gnp('f', 'tier: kube-baseline'),
    ),
    ['t2 Pass', 't1 Deny', 'kube-admin Pass', 'default Deny', 'kube-baseline Pass', 'ghost Deny'],
  );
  t.strictSame(
    tiers('\n---\nkind: StagedGlobalNetworkPolicy\nmetadata: {name: s}\nspec: {tier: t1, selector: all()}\n'),
    [],
    'a staged policy makes no tier',
  );
  const calculator = newCalculator();
  for (const resource of fromYaml(
    hep('h', 'interfaceName: eth0') + gnp('a', 'tier: t1') + tier('t1', 'order: 1, defaultAction: Pass'),
  ))
    calculator.upsert(resource);
  const action = () => calculator.calculate().hostPolicy.hostEndpoints[0]?.normal[0]?.defaultAction;
  t.equal(action(), 'Pass');
  calculator.remove({ kind: 'Tier', name: 't1' });
  t.equal(action(), 'Deny', 'the tier is gone, its policies are enforced all the same');
});

t.test('workload endpoints', async (t) => {
  const { workloadEndpoints } = calculate(
    wep('b', 'interfaceName: cali1, ipNetworks: [10.0.0.2]') +
      wep('a', 'interfaceName: cali1, ipNetworks: [10.0.0.1, 10.0.0.1/32, "FD00::1"], profiles: [p]') +
      wep('c', 'interfaceName: cali2, ipNetworks: [10.0.0.3]') +
      wep('d', 'interfaceName: eth3, ipNetworks: [10.0.0.4]'),
    { on: interfaces({ cali1: [], '!cali2': [] }) },
  ).hostPolicy;
  t.match(
    workloadEndpoints,
    [
      {
        name: 'n1-k8s-a-eth0',
        interface: 'cali1',
        state: 'up',
        addresses: ['10.0.0.1', 'fd00::1'],
        profiles: ['p'],
        allowedSources: [],
      },
      { name: 'n1-k8s-c-eth0', interface: 'cali2', state: 'down' },
    ],
    'the smallest identity of two with one interface; none without the prefix',
  );
  t.equal(workloadEndpoints.length, 2);
});

t.test('identities are compared field by field: orchestrator, workload, endpoint', async (t) => {
  const winner = (...specs: string[]) => {
    const yaml = specs.map(
      (spec) =>
        `\n---\nkind: WorkloadEndpoint\nmetadata: {namespace: ns1}\nspec: {node: n1, interfaceName: cali1, ipNetworks: [10.0.0.1], ${spec}}\n`,
    );
    return calculate(yaml.join('')).hostPolicy.workloadEndpoints[0]?.name;
  };
  const cni = 'orchestrator: cni, containerID: zz, endpoint: z';
  const k8s = 'orchestrator: k8s, pod: a, endpoint: a';
  t.equal(winner(k8s, cni), 'n1-cni-zz-z');
  t.equal(
    winner('orchestrator: k8s, pod: a-b, endpoint: x', 'orchestrator: k8s, pod: a, endpoint: y'),
    'n1-k8s-a-y',
    'a before a-b',
  );
  t.equal(
    winner('orchestrator: own, workload: w, endpoint: b', 'orchestrator: own, workload: w, endpoint: a'),
    'n1-own-w-a',
  );
  const namespaces =
    wep('z', 'interfaceName: cali1, ipNetworks: [10.0.0.1]', 'aa') +
    wep('a', 'interfaceName: cali1, ipNetworks: [10.0.0.2]', 'bb');
  t.equal(calculate(namespaces).hostPolicy.workloadEndpoints[0]?.namespace, 'aa');
});

t.test('what has no effect is told', async (t) => {
  const told = (yaml: string) =>
    calculate(yaml).notices.map(({ key, issue }) => `${key.kind} ${key.name} ${issue.code}`);
  t.strictSame(told(hep('h', 'interfaceName: eth0')), []);
  t.strictSame(
    told(hep('w', 'interfaceName: "*"') + gnp('p', 'doNotTrack: true, applyOnForward: true, types: [Ingress]')),
    ['GlobalNetworkPolicy p untracked-on-wildcard'],
  );
  t.strictSame(told(hep('h', 'interfaceName: eth0, profiles: [no, projectcalico-default-allow]')), [
    'HostEndpoint h missing-profile',
  ]);
  t.strictSame(told(wep('w', 'interfaceName: cali1, ipNetworks: [10.0.0.1], profiles: [no]')), [
    'WorkloadEndpoint n1-k8s-w-eth0 missing-profile',
  ]);
  t.strictSame(told(wep('w', 'interfaceName: eth1, ipNetworks: [10.0.0.1]')), [
    'WorkloadEndpoint n1-k8s-w-eth0 no-workload-interface',
  ]);
  t.strictSame(
    told(
      `${hep('h', 'interfaceName: eth0')}\n---\n{kind: FelixConfiguration, metadata: {name: default}, spec: {ipv6Support: false}}`,
    ),
    ['FelixConfiguration default ipv6-open'],
  );
});

/** `name state` of each policy. */
function states(yaml: string, derived = ''): string[] {
  const calculator = newCalculator();
  calculator.setInterfaces(SOME_INTERFACES);
  for (const resource of [...fromYaml(yaml), ...fromYaml(derived, 'none')]) calculator.upsert(resource);
  return calculator.policyStates(calculator.calculate().hostPolicy).map(({ key, state }) => `${key.name} ${state}`);
}

t.test('states of policies', async (t) => {
  const h = hep('h', 'interfaceName: eth0');
  t.strictSame(states(h + gnp('a', 'types: [Ingress]')), ['a enforced']);
  t.strictSame(states(hep('h', 'interfaceName: eth0', 'role: b') + gnp('a', '')), ['a inert'], 'selects nothing here');
  t.strictSame(states(hep('h', 'expectedIPs: [203.0.113.1]') + gnp('a', '')), ['a inert'], 'nothing that is active');
  t.strictSame(
    states(hep('w', 'interfaceName: "*"') + gnp('a', 'doNotTrack: true, applyOnForward: true, types: [Ingress]')),
    ['a unsupported'],
  );
  t.strictSame(
    states(
      wep('w', 'interfaceName: cali1, ipNetworks: [10.0.0.1]') +
        gnp('a', 'preDNAT: true, applyOnForward: true, types: [Ingress]'),
    ),
    ['a unsupported'],
  );
  t.strictSame(states('{kind: StagedGlobalNetworkPolicy, metadata: {name: s}, spec: {selector: all()}}'), ['s staged']);
  t.strictSame(states(h + gnp('a', 'ingress: [{action: Allow, source: {selector: has(nobody)}}]')), ['a hollow']);
  t.strictSame(
    states(h + gnp('a', 'ingress: [{action: Allow, source: {selector: has(nobody)}}, {action: Deny}]')),
    ['a enforced'],
    'not all of its rules',
  );
  t.strictSame(states(h + gnp('a', 'order: 1, ingress: [{action: Deny}]') + gnp('b', 'order: 2, types: [Ingress]')), [
    'a enforced',
    'b shadowed',
  ]);
  t.strictSame(
    states(h + gnp('a', 'order: 1, ingress: [{action: Log}]') + gnp('b', 'order: 2, types: [Ingress]')),
    ['a enforced', 'b enforced'],
    'Log takes nothing',
  );
  t.strictSame(
    states(h + gnp('a', 'order: 1, ingress: [{action: Deny}]') + gnp('b', 'order: 2, types: [Ingress, Egress]')),
    ['a enforced', 'b enforced'],
    'in one direction only',
  );
});

t.test('states of policies with services', async (t) => {
  const h = hep('h', 'interfaceName: eth0');
  const policy = gnp('a', 'egress: [{action: Allow, destination: {services: {name: db, namespace: prod}}}]');
  const slice = (spec: string) => `{kind: EndpointSlice, metadata: {namespace: prod, name: s}, spec: {${spec}}}`;
  t.strictSame(states(h + policy), ['a hollow']);
  t.strictSame(states(h + policy, slice('service: db, addresses: [10.0.0.1]')), ['a hollow'], 'no ports');
  t.strictSame(states(h + policy, slice('service: db, addresses: [10.0.0.1], ports: [{port: 1}]')), ['a enforced']);
  const incoming = gnp('a', 'ingress: [{action: Allow, source: {services: {name: db, namespace: prod}}}]');
  t.strictSame(states(h + incoming), ['a hollow']);
  t.strictSame(states(h + incoming, slice('service: db, addresses: [10.0.0.1]')), ['a enforced']);
  const calculator = newCalculator();
  for (const resource of fromYaml(h + policy)) calculator.upsert(resource);
  calculator.setInterfaces(SOME_INTERFACES);
  t.match(calculator.policyStates(calculator.calculate().hostPolicy), [
    { reason: 'egress[0] matches nothing: service prod/db has no endpoints' },
  ]);
});

t.test('tiers that are reached, and tiers that are not', async (t) => {
  const h = hep('h', 'interfaceName: eth0');
  const first = '\n---\nkind: Tier\nmetadata: {name: first}\nspec: {order: 1}\n';
  const after = gnp('z', 'types: [Ingress]');
  const inFirst = (name: string, order: number, rules: string) =>
    gnp(name, `tier: first, order: ${order}, types: [Ingress], ingress: ${rules}`);
  const z = (yaml: string) => states(h + first + after + yaml).find((text) => text.startsWith('z '));
  t.equal(z(inFirst('a', 1, '[{action: Allow, protocol: TCP}]')), 'z shadowed', 'the end of a tier that denies');
  t.equal(z(inFirst('a', 1, '[{action: Pass, protocol: TCP}]')), 'z enforced');
  t.equal(
    z(inFirst('a', 1, '[{action: Pass}]') + inFirst('b', 2, '[{action: Allow}]')),
    'z enforced',
    'what follows a Pass of everything takes nothing',
  );
  t.equal(
    z(inFirst('a', 1, '[{action: Pass, protocol: TCP}]') + inFirst('b', 2, '[{action: Deny}]')),
    'z enforced',
    'some packets have passed before',
  );
  t.equal(
    z(inFirst('a', 1, '[{action: Deny}]') + inFirst('b', 2, '[{action: Pass}]')),
    'z shadowed',
    'a Pass that nothing comes to',
  );
});
