import t from 'tap';
import { policySelector, ruleSelectors } from '../../src/policy/effective-selector.js';
import { hostEndpointItem, networkSetItem, workloadEndpointItem } from '../../src/policy/endpoint-item.js';
import { resolveRule } from '../../src/policy/resolve-rule.js';
import type { EntityRule, Rule } from '../../src/resources/kinds.js';
import { canonicalText } from '../../src/selector/canonical-text.js';
import { all, equals } from '../../src/selector/selector.js';
import { selectorId } from '../../src/selector/unique-id.js';
import { oneFromYaml } from './from-yaml.js';

const NS = 'projectcalico.org/namespace';
const SA = 'projectcalico.org/serviceaccount';

t.test('what a namespaced policy selects', async (t) => {
  const of = (spec: string) =>
    canonicalText(
      policySelector(oneFromYaml('NetworkPolicy', `metadata: {namespace: prod, name: p}\nspec: {${spec}}`)),
    );
  t.equal(of(''), `${NS} == "prod"`);
  t.equal(of('selector: "  "'), `${NS} == "prod"`);
  t.equal(of(`selector: a == 'b' || has(c)`), `((a == "b" || has(c)) && ${NS} == "prod")`, 'in parentheses');
  t.equal(of('selector: all()'), `(all() && ${NS} == "prod")`);
  t.equal(of(`serviceAccountSelector: role == 'x'`), `(${NS} == "prod" && pcsa.role == "x")`);
  t.equal(of('serviceAccountSelector: all()'), `(${NS} == "prod" && all())`, 'adds nothing');
});

t.test('what a global policy selects', async (t) => {
  const of = (spec: string) =>
    canonicalText(policySelector(oneFromYaml('GlobalNetworkPolicy', `metadata: {name: p}\nspec: {${spec}}`)));
  t.equal(of(''), 'all()', 'everything, host endpoints too');
  t.equal(of(`selector: a == 'b'`), 'a == "b"');
  t.equal(of(`namespaceSelector: env == 'prod'`), 'pcns.env == "prod"');
  t.equal(of(`selector: has(a), namespaceSelector: "env in {'x', 'y'}"`), '(has(a) && pcns.env in {"x", "y"})');
  t.equal(of('namespaceSelector: all()'), `has(${NS})`, 'what has a namespace: never a host endpoint');
  t.equal(of('selector: all(), namespaceSelector: all()'), `(has(${NS}) && has(${NS}))`, 'in the whole selector');
  t.equal(of('selector: all(), namespaceSelector: has(x)'), `(has(${NS}) && has(pcns.x))`);
  t.equal(of('serviceAccountSelector: all()'), `has(${SA})`);
  t.equal(of(`selector: has(a), serviceAccountSelector: role == 'x'`), '(has(a) && pcsa.role == "x")');
  t.equal(
    of(`namespaceSelector: all(), serviceAccountSelector: all()`),
    `(has(${NS}) && has(${SA}))`,
    'each is replaced by its own',
  );
  t.equal(of(`selector: x == 'all()', namespaceSelector: has(y)`), '(x == "all()" && has(pcns.y))', 'not in values');
});

t.test('selectors of a side of a rule', async (t) => {
  const of = (entity: EntityRule, namespace?: string) => {
    const { positive, negative } = ruleSelectors(entity, namespace);
    return [positive && canonicalText(positive), negative && canonicalText(negative)];
  };
  const own = `${NS} == "prod"`;
  const none = [undefined, undefined];
  t.strictSame(of({}), none);
  t.strictSame(of({}, 'prod'), none, 'no selector at all: any address');
  t.strictSame(of({ nets: ['10.0.0.0/8'] }, 'prod'), none);
  t.strictSame(of({ serviceAccounts: {} }, 'prod'), none);
  t.strictSame(of({ serviceAccounts: { names: [] } }, 'prod'), none);
  t.strictSame(of({ selector: 'has(a)' }), ['has(a)', undefined]);
  t.strictSame(of({ selector: 'has(a)' }, 'prod'), [`(${own} && has(a))`, undefined]);
  t.strictSame(of({ notSelector: 'has(b)' }), [undefined, 'has(b)'], 'matches unknown addresses');
  t.strictSame(of({ notSelector: 'has(b)' }, 'prod'), [`(${own} && !has(b))`, undefined], 'stays in the namespace');
  t.strictSame(of({ selector: 'has(a)', notSelector: "b == '1' || c == '2'" }), [
    '(has(a) && !(b == "1" || c == "2"))',
    undefined,
  ]);
  t.strictSame(of({ selector: 'has(a)', notSelector: 'has(b)' }, 'prod'), [
    `((${own} && has(a)) && !has(b))`,
    undefined,
  ]);
  t.strictSame(
    of({ namespaceSelector: "env == 'x'" }, 'prod'),
    ['pcns.env == "x"', undefined],
    'in place of the own namespace',
  );
  t.strictSame(of({ namespaceSelector: 'all()' }, 'prod'), [`has(${NS})`, undefined]);
  t.strictSame(of({ namespaceSelector: 'global()' }, 'prod'), [`!has(${NS})`, undefined]);
  t.strictSame(of({ namespaceSelector: 'global()', selector: 'has(a)' }), [`(!has(${NS}) && has(a))`, undefined]);
  t.strictSame(of({ serviceAccounts: { names: ['b', 'a'] } }, 'prod'), [`(${own} && ${SA} in {"a", "b"})`, undefined]);
  t.strictSame(of({ serviceAccounts: { selector: 'all()' } }), ['all()', undefined], 'not replaced here');
  t.strictSame(
    of({ serviceAccounts: { selector: "r == '1'", names: ['a'] }, selector: 'has(x)', namespaceSelector: 'has(y)' }),
    [`(has(pcns.y) && ((pcsa.r == "1" && ${SA} in {"a"}) && has(x)))`, undefined],
  );
  t.strictSame(of({ serviceAccounts: { names: ['a'] }, selector: 'has(x)' }), [
    `(${SA} in {"a"} && has(x))`,
    undefined,
  ]);
});

function resolve(yaml: string, namespace?: string) {
  const policy = namespace
    ? oneFromYaml('NetworkPolicy', `metadata: {namespace: ${namespace}, name: p}\nspec: {egress: [{${yaml}}]}`)
    : oneFromYaml('GlobalNetworkPolicy', `metadata: {name: p}\nspec: {egress: [{${yaml}}]}`);
  const [rule] = policy.spec.egress ?? [];
  if (!rule) throw new Error('no rule');
  return resolveRule(rule, namespace);
}

/** The rule without what is undefined. */
const plain = (value: unknown) => JSON.parse(JSON.stringify(value));

t.test('fields of a rule', async (t) => {
  const rule = (yaml: string) => plain(resolve(yaml).rule);
  const any = { source: {}, destination: {} };
  t.strictSame(rule('action: Allow'), { action: 'Allow', ...any });
  t.strictSame(rule('action: Deny, protocol: TCP, notProtocol: UDP'), {
    action: 'Deny',
    protocol: 6,
    notProtocol: 17,
    ...any,
  });
  t.strictSame(rule('action: Log, protocol: "132"'), { action: 'Log', protocol: 132, ...any });
  t.strictSame(rule('action: Pass, ipVersion: 6'), { action: 'Pass', ipVersion: 6, ...any });
  t.strictSame(rule('action: Allow, metadata: {annotations: {a: b}}'), {
    action: 'Allow',
    annotations: { a: 'b' },
    ...any,
  });
});

t.test('families that ICMP implies', async (t) => {
  const family = (yaml: string) => resolve(`action: Allow, ${yaml}`).rule.ipVersion;
  t.equal(family('protocol: ICMP'), 4);
  t.equal(family('protocol: ICMPv6'), 6);
  t.equal(family('protocol: 1'), undefined, 'a number implies nothing');
  t.equal(family('protocol: 58'), undefined);
  t.equal(family('protocol: 1, icmp: {type: 8}'), 4, 'but nft needs the family to look into the header');
  t.equal(family('protocol: 58, notICMP: {type: 1}'), 6);
  t.equal(family('notICMP: {type: 1}'), undefined);
  t.equal(family('protocol: TCP'), undefined);
  t.strictSame(resolve('action: Allow, protocol: ICMP, icmp: {type: 3, code: 0}').rule.icmp, { type: 3, code: 0 });
  t.strictSame(plain(resolve('action: Allow, protocol: ICMP, notICMP: {type: 3}').rule.notICMP), { type: 3 });
});

t.test('nets: canonical, each once, an empty list is no criterion', async (t) => {
  const { rule } = resolve('action: Allow, source: {nets: [192.0.2.0/24, 10.0.0.0/08, 10.0.0.0/8], notNets: []}');
  t.strictSame(rule.source.nets, ['10.0.0.0/8', '192.0.2.0/24']);
  t.equal(rule.source.notNets, undefined);
  const lax: Rule = { action: 'Allow', source: { nets: ['10.1.2.3/8', 'FD00:0::1', '::ffff:192.0.2.1/128'] } };
  t.strictSame(
    resolveRule(lax, undefined).rule.source.nets,
    ['10.0.0.0/8', '192.0.2.1/32', 'fd00::1/128'],
    'as a datastore may hold them',
  );
  t.throws(() => resolveRule({ action: 'Allow', source: { nets: ['nonsense'] } }, undefined), /was not validated/);
});

t.test('sets of selectors', async (t) => {
  const { rule, sets } = resolve(
    `action: Allow, source: {selector: has(a), notSelector: has(b)}, destination: {notSelector: has(c)}`,
  );
  t.strictSame(
    sets.map(({ kind, description }) => [kind, description]),
    [
      ['net', '(has(a) && !has(b))'],
      ['net', 'has(c)'],
    ],
  );
  t.strictSame([rule.source.set, rule.source.notSet], [sets[0]?.id, undefined], 'one set for both');
  t.strictSame([rule.destination.set, rule.destination.notSet], [undefined, sets[1]?.id]);
  t.equal(
    resolve('action: Allow, source: {selector: "has( a ) && !has(b)"}').sets[0]?.id,
    resolve('action: Deny, destination: {selector: has(a) && !has(b)}').sets[0]?.id,
    'equal selectors share one',
  );
  t.equal(resolve(`action: Allow, source: {selector: has(a)}`).sets[0]?.id, selectorId({ kind: 'has', label: 'a' }));
});

t.test('ports', async (t) => {
  const of = (yaml: string, namespace?: string) => {
    const { rule, sets } = resolve(`action: Allow, ${yaml}`, namespace);
    return { side: rule.destination, sets: sets.flatMap((set) => ('selector' in set ? set : [])) };
  };
  const numbers = of('protocol: TCP, destination: {ports: [80, "1000:2000"], notPorts: [1500]}');
  t.strictSame(numbers.side.ports, {
    ranges: [
      { from: 80, to: 80 },
      { from: 1000, to: 2000 },
    ],
    sets: [],
  });
  t.strictSame(numbers.side.notPorts, { ranges: [{ from: 1500, to: 1500 }], sets: [] });
  t.equal(of('protocol: TCP, destination: {ports: []}').side.ports, undefined);

  const named = of('protocol: TCP, destination: {ports: [http]}');
  t.equal(named.sets[0]?.id, 'n:cl9_Kgeu4H0OGLbhovVR3NBLUOZscKeMK1Mu4A', 'the id that Calico gives it');
  t.match(named.sets[0], {
    kind: 'ip,port',
    selector: all(),
    port: { name: 'http', protocol: 6 },
    description: 'port http of all()',
  });
  t.strictSame(named.side.ports, { ranges: [], sets: [named.sets[0]?.id] });
  t.match(of('destination: {ports: [http]}').sets[0]?.port, { name: 'http', protocol: undefined }, 'of any protocol');

  const folded = of('protocol: UDP, destination: {ports: [dns], selector: has(a)}');
  t.equal(folded.sets.length, 1, 'the set of the port has the selector in it');
  t.equal(folded.side.set, undefined);
  t.equal(canonicalText(folded.sets[0]?.selector ?? all()), 'has(a)');
  const mixed = of('protocol: UDP, destination: {ports: [dns, 53], selector: has(a)}');
  t.strictSame(
    mixed.sets.map(({ kind }) => kind).sort(),
    ['ip,port', 'net'],
    'a number needs the set of the selector too',
  );
  t.ok(mixed.side.set);
  const negated = of('protocol: UDP, destination: {notPorts: [dns], selector: has(a)}');
  t.strictSame(negated.sets.map(({ kind }) => kind).sort(), ['ip,port', 'net']);
  t.equal(
    canonicalText(negated.sets.find(({ kind }) => kind === 'ip,port')?.selector ?? all()),
    'has(a)',
    'by the positive selector',
  );
  t.strictSame(
    of('protocol: TCP, destination: {ports: [http]}', 'prod').sets[0]?.selector,
    all(),
    'without selector: of all namespaces',
  );
  t.equal(
    canonicalText(
      of('protocol: TCP, destination: {ports: [http], selector: has(a)}', 'prod').sets[0]?.selector ?? all(),
    ),
    `(${NS} == "prod" && has(a))`,
  );
});

t.test('services', async (t) => {
  const { rule, sets } = resolve('action: Allow, destination: {services: {name: kubernetes, namespace: default}}');
  t.strictSame(sets, [
    {
      id: 'svc:gQrIAo_BHPov3ak3rMnN3fDK7EMRzF8ZNQjvGw',
      kind: 'ip,port',
      description: 'service default/kubernetes',
      service: 'default/kubernetes',
    },
  ]);
  t.equal(rule.destination.service, sets[0]?.id, 'the id that Calico gives it');
  const own = resolve('action: Allow, destination: {services: {name: web}}', 'prod');
  t.match(own.sets[0], { service: 'prod/web' }, 'in the namespace of the policy');
  const source = resolveRule({ action: 'Allow', source: { services: { name: 'web', namespace: 'prod' } } }, undefined);
  t.match(source.sets, [{ id: /^svcnoport:/, kind: 'net', service: 'prod/web' }], 'the addresses, whatever the port');
});

t.test('labels and members of endpoints and sets', async (t) => {
  const host = hostEndpointItem(
    oneFromYaml(
      'HostEndpoint',
      `
metadata: {name: h, labels: {a: "1", pcns.x: "1", pcsa.x: "1", projectcalico.org/namespace: prod, projectcalico.org/serviceaccount: s}}
spec: {node: n1, interfaceName: eth0, expectedIPs: [10.0.0.1, "::ffff:10.0.0.1", "FD00::1"], profiles: [p2, p1], ports: [{name: http, protocol: TCP, port: 80}]}`,
    ),
  );
  t.strictSame(
    host,
    {
      labels: { a: '1' },
      parents: ['p2', 'p1'],
      contribution: { nets: ['10.0.0.1/32', 'fd00::1/128'], ports: [{ name: 'http', protocol: 6, port: 80 }] },
    },
    'it can not pose as part of a namespace',
  );
  t.strictSame(
    hostEndpointItem(oneFromYaml('HostEndpoint', 'metadata: {name: h}\nspec: {node: n1, interfaceName: eth0}'))
      .contribution.nets,
    [],
  );

  const workload = (labels: string, spec: string) =>
    workloadEndpointItem(
      oneFromYaml(
        'WorkloadEndpoint',
        `
metadata: {namespace: prod, labels: {${labels}}}
spec: {node: n1, orchestrator: k8s, pod: w, endpoint: eth0, interfaceName: cali1, ipNetworks: [10.0.0.1/32, "fd00::1"], ${spec}}`,
      ),
    );
  const found = workload(
    'a: "1", pcns.x: "1", projectcalico.org/serviceaccount: mine',
    'ports: [{hostPort: 80, protocol: TCP, port: 8080}]',
  );
  t.strictSame(found.labels, { a: '1', [NS]: 'prod', 'projectcalico.org/orchestrator': 'k8s', [SA]: 'mine' });
  t.strictSame(
    found.contribution,
    { nets: ['10.0.0.1/32', 'fd00::1/128'], ports: [] },
    'a port without a name is none',
  );
  t.equal(workload('projectcalico.org/serviceaccount: mine', 'serviceAccountName: real').labels[SA], 'real');

  const set = networkSetItem(
    oneFromYaml(
      'NetworkSet',
      'metadata: {namespace: prod, name: s, labels: {a: "1"}}\nspec: {nets: [10.0.0.0/8, 192.0.2.1]}',
    ),
  );
  t.strictSame(set, {
    labels: { a: '1', [NS]: 'prod' },
    parents: ['kns.prod'],
    contribution: { nets: ['10.0.0.0/8', '192.0.2.1/32'], ports: [] },
  });
  t.strictSame(networkSetItem(oneFromYaml('GlobalNetworkSet', 'metadata: {name: s}\nspec: {}')), {
    labels: {},
    parents: [],
    contribution: { nets: [], ports: [] },
  });
  t.equal(equals('a', '1').kind, '==');
});
