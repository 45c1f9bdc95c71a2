import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import type { PolicyCalculator } from '../../src/policy/calculator.js';
import type { Resource } from '../../src/resources/kinds.js';
import { keyText } from '../../src/resources/resource.js';
import { arbitraryCluster, arbitraryInterfaces, arbitraryResource, keyOf } from './arbitrary-cluster.js';
import { comparable } from './comparable.js';
import { calculate, fromYaml, newCalculator, oneFromYaml, SOME_INTERFACES } from './from-yaml.js';

type Step = { readonly upsert: Resource } | { readonly remove: Resource } | 'calculate';

function run(calculator: PolicyCalculator, steps: readonly Step[]): void {
  for (const step of steps) {
    if (step === 'calculate') calculator.calculate();
    else if ('upsert' in step) calculator.upsert(step.upsert);
    else calculator.remove(keyOf(step.remove));
  }
}

const notices = ({ notices }: { notices: readonly unknown[] }) =>
  notices.map((notice) => JSON.stringify(notice)).sort();

t.test('the order of changes does not matter', async (t) => {
  const past = fc.array(
    fc.oneof(
      { weight: 6, arbitrary: arbitraryResource.map((upsert): Step => ({ upsert })) },
      { weight: 2, arbitrary: arbitraryResource.map((remove): Step => ({ remove })) },
      { weight: 1, arbitrary: fc.constant<Step>('calculate') },
    ),
    { maxLength: 25 },
  );
  const property = fc.property(
    arbitraryCluster.chain((cluster) =>
      fc.tuple(fc.constant(cluster), fc.shuffledSubarray(cluster, { minLength: cluster.length })),
    ),
    past,
    arbitraryInterfaces,
    arbitraryInterfaces,
    ([cluster, shuffled], history, before, after) => {
      const direct = newCalculator();
      direct.setInterfaces(after);
      run(
        direct,
        cluster.map((upsert) => ({ upsert })),
      );

      const detour = newCalculator();
      detour.setInterfaces(before);
      run(detour, history);
      detour.setInterfaces(after);
      const wanted = new Set(cluster.map((resource) => keyText(keyOf(resource))));
      const gone = history.flatMap((step) =>
        step !== 'calculate' && 'upsert' in step && !wanted.has(keyText(keyOf(step.upsert))) ? [step.upsert] : [],
      );
      run(
        detour,
        shuffled.slice(0, 3).map((upsert) => ({ upsert })),
      );
      run(
        detour,
        gone.map((remove) => ({ remove })),
      );
      run(
        detour,
        shuffled.map((upsert) => ({ upsert })),
      );

      const [expected, found] = [direct.calculate(), detour.calculate()];
      assert.deepStrictEqual(comparable(found.hostPolicy), comparable(expected.hostPolicy));
      assert.deepStrictEqual(notices(found), notices(expected));
      assert.deepStrictEqual(detour.policyStates(found.hostPolicy), direct.policyStates(expected.hostPolicy));
    },
  );
  t.doesNotThrow(() => fc.assert(property, { numRuns: 150 }));
});

t.test('everything that is referred to is there, and nothing else has members', async (t) => {
  const property = fc.property(arbitraryCluster, (cluster) => {
    const { hostPolicy } = calculate(cluster);
    const tiers = [
      ...hostPolicy.hostEndpoints.flatMap(({ untracked, preDNAT, forward, normal }) => [
        ...untracked,
        ...preDNAT,
        ...forward,
        ...normal,
      ]),
      ...hostPolicy.workloadEndpoints.flatMap(({ normal }) => normal),
    ];
    for (const { ingress, egress } of tiers) {
      for (const id of [...ingress, ...egress]) assert.ok(hostPolicy.policies.has(id), `policy ${id}`);
    }
    const rules = [...hostPolicy.policies.values(), ...hostPolicy.profiles.values()].flatMap(({ ingress, egress }) => [
      ...ingress,
      ...egress,
    ]);
    const used = new Set(
      rules.flatMap(({ source, destination }) =>
        [source, destination].flatMap((side) => [
          ...(side.set ? [side.set] : []),
          ...(side.notSet ? [side.notSet] : []),
          ...(side.service ? [side.service] : []),
          ...(side.ports?.sets ?? []),
          ...(side.notPorts?.sets ?? []),
        ]),
      ),
    );
    assert.deepStrictEqual([...hostPolicy.sets.keys()].sort(), [...used].sort());
  });
  t.doesNotThrow(() => fc.assert(property, { numRuns: 60 }));
});

t.test('when everything is gone, nothing is left', async (t) => {
  const property = fc.property(arbitraryCluster, (cluster) => {
    const calculator = newCalculator();
    const empty = comparable(calculator.calculate().hostPolicy);
    run(
      calculator,
      cluster.map((upsert) => ({ upsert })),
    );
    run(
      calculator,
      cluster.toReversed().map((remove) => ({ remove })),
    );
    assert.deepStrictEqual(comparable(calculator.calculate().hostPolicy), empty);
    for (const { kind } of cluster) assert.equal(calculator.count(kind), 0);
  });
  t.doesNotThrow(() => fc.assert(property, { numRuns: 40 }));
});

const cluster = `
kind: HostEndpoint
metadata: {name: h1, labels: {role: a}}
spec: {node: n1, interfaceName: eth0, profiles: [projectcalico-default-allow]}
---
kind: GlobalNetworkPolicy
metadata: {name: g1}
spec:
  selector: role == 'a'
  ingress: [{action: Allow, source: {selector: has(friend)}}]
---
kind: GlobalNetworkSet
metadata: {name: s1, labels: {friend: "1"}}
spec: {nets: [10.0.0.0/8, 10.1.0.0/16]}
`;

t.test('a set keeps its object and tells each change by its version', async (t) => {
  const calculator = newCalculator();
  for (const resource of fromYaml(cluster)) calculator.upsert(resource);
  const [set] = calculator.calculate().hostPolicy.sets.values();
  t.ok(set);
  const version = set?.version ?? 0;
  for (const resource of fromYaml(`
kind: GlobalNetworkSet
metadata: {name: s1, labels: {friend: "1"}}
spec: {nets: [10.1.0.0/16]}
`))
    calculator.upsert(resource);
  t.strictSame([...(set?.members ?? [])], ['10.1.0.0/16'], 'the net inside of the one that went is still there');
  t.not(set?.version, version);
  t.equal([...calculator.calculate().hostPolicy.sets.values()][0], set, 'the same object');
});

t.test('an endpoint that moves to another node is not local any more', async (t) => {
  const calculator = newCalculator();
  for (const resource of fromYaml(cluster)) calculator.upsert(resource);
  for (const resource of fromYaml(
    '{kind: HostEndpoint, metadata: {name: h1, labels: {role: a}}, spec: {node: n2, interfaceName: eth0}}',
  ))
    calculator.upsert(resource);
  const { hostPolicy } = calculator.calculate();
  t.strictSame(
    [hostPolicy.hostEndpoints, hostPolicy.policies.size, hostPolicy.profiles.size, hostPolicy.sets.size],
    [[], 0, 0, 0],
  );
});

t.test('a workload endpoint without addresses does not exist', async (t) => {
  const endpoint = (ipNetworks: string) =>
    `{kind: WorkloadEndpoint, metadata: {namespace: ns1}, spec: {node: n1, orchestrator: k8s, pod: w, endpoint: eth0, interfaceName: cali1, ipNetworks: ${ipNetworks}}}`;
  const calculator = newCalculator();
  for (const resource of fromYaml(endpoint('[10.0.0.1]'))) calculator.upsert(resource);
  t.equal(calculator.calculate().hostPolicy.workloadEndpoints.length, 1);
  for (const resource of fromYaml(endpoint('[]'))) calculator.upsert(resource);
  t.equal(calculator.calculate().hostPolicy.workloadEndpoints.length, 0);
});

t.test('source spoofing has to be allowed by the configuration', async (t) => {
  const endpoint = `
kind: WorkloadEndpoint
metadata: {namespace: ns1}
spec: {node: n1, orchestrator: k8s, pod: w, endpoint: eth0, interfaceName: cali1, ipNetworks: [10.0.0.1], allowSpoofedSourcePrefixes: [10.9.0.1/16]}
`;
  const refused = calculate(endpoint);
  t.strictSame(refused.hostPolicy.workloadEndpoints, []);
  t.equal(refused.notices[0]?.issue.code, 'spoofing-disabled');
  const allowed = calculate(endpoint, { environment: { FELIX_WORKLOADSOURCESPOOFING: 'Any' } });
  t.strictSame(allowed.hostPolicy.workloadEndpoints[0]?.allowedSources, ['10.9.0.0/16']);
  t.strictSame(allowed.notices, []);
});

t.test('built-in profile and tiers', async (t) => {
  const calculator = newCalculator();
  const [h1] = fromYaml(cluster);
  if (h1) calculator.upsert(h1);
  t.ok(calculator.calculate().hostPolicy.profiles.has('projectcalico-default-allow'));
  const inKubeAdmin = `
kind: GlobalNetworkPolicy
metadata: {name: p}
spec: {tier: kube-admin, selector: role == 'a', types: [Ingress]}
`;
  for (const resource of fromYaml(inKubeAdmin)) calculator.upsert(resource);
  const action = () => calculator.calculate().hostPolicy.hostEndpoints[0]?.normal[0]?.defaultAction;
  t.equal(action(), 'Pass', 'a tier that every datastore has');
  calculator.remove({ kind: 'Tier', name: 'kube-admin' });
  t.equal(action(), 'Pass', 'it was not there to be removed');
});

t.test('configuration: the environment, the node, its labels', async (t) => {
  const calculator = newCalculator({ FELIX_LOGPREFIX: 'env' });
  const add = (text: string) => {
    for (const resource of fromYaml(text)) calculator.upsert(resource);
  };
  const parameters = () => calculator.calculate().parameters;
  add('{kind: FelixConfiguration, metadata: {name: default}, spec: {logPrefix: file, ipv6Support: false}}');
  t.match(parameters(), { logPrefix: 'env', ipv6Support: false });
  add('{kind: FelixConfiguration, metadata: {name: node.n1}, spec: {ipv6Support: true}}');
  t.equal(parameters().ipv6Support, true);
  calculator.remove({ kind: 'FelixConfiguration', name: 'node.n1' });
  t.equal(parameters().ipv6Support, false);
  calculator.remove({ kind: 'FelixConfiguration', name: 'default' });
  t.equal(parameters().ipv6Support, true);
});

t.test('interfaces move an endpoint', async (t) => {
  const calculator = newCalculator();
  for (const resource of fromYaml(
    '{kind: HostEndpoint, metadata: {name: h}, spec: {node: n1, expectedIPs: [192.0.2.1]}}',
  ))
    calculator.upsert(resource);
  const where = () => calculator.calculate().hostPolicy.hostEndpoints[0]?.interfaces;
  t.strictSame(where(), []);
  calculator.setInterfaces(SOME_INTERFACES);
  t.strictSame(where(), ['eth0']);
  calculator.setInterfaces(new Map([['eth1', { name: 'eth1', up: true, addresses: ['192.0.2.1'] }]]));
  t.strictSame(where(), ['eth1']);
});

const pods = `
kind: WorkloadEndpoint
metadata: {namespace: prod, labels: {app: shop}}
spec: {node: n1, orchestrator: k8s, pod: w, endpoint: eth0, interfaceName: cali1, ipNetworks: [10.0.0.1]}
---
kind: WorkloadEndpoint
metadata: {namespace: test, labels: {app: shop}}
spec: {node: n1, orchestrator: k8s, pod: w, endpoint: eth0, interfaceName: cali2, ipNetworks: [10.0.0.2]}
---
kind: HostEndpoint
metadata: {name: h, labels: {app: shop, projectcalico.org/namespace: prod, projectcalico.org/orchestrator: k8s}}
spec: {node: n1, interfaceName: eth0}
---
kind: NetworkPolicy
metadata: {namespace: prod, name: p}
spec: {order: 1000, selector: app == 'shop', types: [Ingress, Egress]}
---
kind: GlobalNetworkPolicy
metadata: {name: p}
spec: {order: 1000, selector: app == 'shop', types: [Ingress, Egress]}
`;

t.test('a policy of Kubernetes is one of its namespace, with a kind of its own', async (t) => {
  const calculator = newCalculator();
  calculator.setInterfaces(SOME_INTERFACES);
  const kubernetes = (spec: string) =>
    oneFromYaml(
      'KubernetesNetworkPolicy',
      `metadata: {namespace: prod, name: p}\nspec: {tier: default, order: 1000, selector: projectcalico.org/orchestrator == 'k8s', ${spec}}`,
      'none',
    );
  for (const resource of fromYaml(pods)) calculator.upsert(resource);
  calculator.upsert(
    kubernetes(
      "types: [Ingress], ingress: [{action: Allow, source: {selector: app == 'shop'}}, {action: Allow, source: {services: {name: db}}}]",
    ),
  );
  const policies = () => {
    const { workloadEndpoints, hostEndpoints } = calculator.calculate().hostPolicy;
    return [...workloadEndpoints, ...hostEndpoints].map(({ normal }) => normal.map(({ ingress }) => ingress));
  };
  t.strictSame(policies(), [
    [['GlobalNetworkPolicy/p', 'KubernetesNetworkPolicy/prod/p', 'NetworkPolicy/prod/p']],
    [['GlobalNetworkPolicy/p']],
    [['GlobalNetworkPolicy/p']],
  ]);
  const { hostPolicy } = calculator.calculate();
  t.match(hostPolicy.policies.get('KubernetesNetworkPolicy/prod/p'), {
    kind: 'KubernetesNetworkPolicy',
    namespace: 'prod',
    name: 'p',
    tier: 'default',
  });
  const described = [...hostPolicy.sets.values()].map(({ description }) => description);
  t.strictSame(described, [`(projectcalico.org/namespace == "prod" && app == "shop")`, 'service prod/db']);
  t.match(
    calculator.policyStates(hostPolicy).map(({ key, state }) => `${key.kind}/${key.namespace}/${key.name} ${state}`),
    [
      'GlobalNetworkPolicy/undefined/p enforced',
      'KubernetesNetworkPolicy/prod/p enforced',
      'NetworkPolicy/prod/p enforced',
    ],
  );
  t.equal(calculator.count('KubernetesNetworkPolicy'), 1);
  calculator.remove({ kind: 'NetworkPolicy', namespace: 'prod', name: 'p' });
  t.strictSame(policies()[0], [['GlobalNetworkPolicy/p', 'KubernetesNetworkPolicy/prod/p']]);
  calculator.upsert(kubernetes('types: [Egress]'));
  t.strictSame(policies()[0], [['GlobalNetworkPolicy/p']], 'in the other direction now');
  calculator.remove({ kind: 'KubernetesNetworkPolicy', namespace: 'prod', name: 'p' });
  t.notOk(calculator.calculate().hostPolicy.policies.has('KubernetesNetworkPolicy/prod/p'));
});

t.test('endpoint slices change the members of sets, and nothing else', async (t) => {
  const calculator = newCalculator();
  calculator.setInterfaces(SOME_INTERFACES);
  const add = (text: string, defaults?: 'none') => {
    for (const resource of fromYaml(text, defaults)) calculator.upsert(resource);
  };
  add(`
${pods}
---
kind: NetworkPolicy
metadata: {namespace: prod, name: p}
spec:
  selector: app == 'shop'
  ingress: [{action: Allow, source: {services: {name: db}}}]
  egress: [{action: Allow, destination: {services: {name: db, namespace: prod}}}]
`);
  const { policies, sets } = calculator.calculate().hostPolicy;
  const rules = policies.get('NetworkPolicy/prod/p');
  const members = () => [...sets.values()].map(({ kind, members }) => [kind, [...members]]);
  t.strictSame(members(), [
    ['net', []],
    ['ip,port', []],
  ]);
  const slice = (namespace: string, name: string, address: string) =>
    add(
      `{kind: EndpointSlice, metadata: {namespace: ${namespace}, name: ${name}}, spec: {service: db, addresses: [${address}], ports: [{port: 5432}]}}`,
      'none',
    );
  slice('prod', 'a', '10.0.0.7');
  slice('test', 'a', '10.0.0.9');
  slice('prod', 'b', '"fd00::7"');
  const after = calculator.calculate().hostPolicy;
  t.equal(after.policies.get('NetworkPolicy/prod/p'), rules);
  t.strictSame(members(), [
    ['net', ['10.0.0.7/32', 'fd00::7/128']],
    ['ip,port', ['10.0.0.7,6:5432', 'fd00::7,6:5432']],
  ]);
  t.equal(calculator.count('EndpointSlice'), 3);
  calculator.remove({ kind: 'EndpointSlice', namespace: 'prod', name: 'a' });
  calculator.calculate();
  t.strictSame(members(), [
    ['net', ['fd00::7/128']],
    ['ip,port', ['fd00::7,6:5432']],
  ]);
});
