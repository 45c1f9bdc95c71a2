import type { Random } from './random.js';
import { portRules, portTheme } from './world-ports.js';
import {
  ACCOUNT_SELECTORS,
  type Fields,
  many,
  NAMESPACE_SELECTORS,
  type RulePlace,
  resource,
  rules,
  SELECTORS,
} from './world-rules.js';

/** Tiers and policies of all kinds. */
export function policies(choose: Random): Fields[] {
  return [
    ...tiers(choose),
    ...many(choose, 10, (index) => globalPolicy(choose, index)),
    ...many(choose, 5, (index) => namespacedPolicy(choose, index)),
    ...many(choose, 2, (index) => kubernetesPolicy(choose, index)),
    ...Array.from({ length: choose.pick([0, 1, 1, 2, 2, 2]) }, (_, index) => portPolicies(choose, index)).flat(),
    ...stagedPolicies(choose),
  ];
}

const TIERS = ['default', 'default', 't1', 't2', 'kube-admin', 'missing'];

function tiers(choose: Random): Fields[] {
  const tier = (name: string) =>
    resource(
      'Tier',
      { name },
      {
        ...(choose.chance(0.8) ? { order: choose.pick([-1, 5, 5, 2_000_000]) } : {}),
        ...(choose.chance(0.6) ? { defaultAction: choose.pick(['Pass', 'Deny']) } : {}),
      },
    );
  return choose.some(['t1', 't2'], 0.7).map(tier);
}

function policyFields(choose: Random, owner: RulePlace['owner'], onlyIngress: boolean): Fields {
  const both = ['Ingress', 'Egress'];
  const types = onlyIngress ? [['Ingress']] : [['Ingress'], ['Egress'], both, both, both, both];
  return {
    tier: choose.pick(TIERS),
    ...(choose.chance(0.7) ? { order: choose.pick([1, 1, 2, -1.5]) } : {}),
    ...(choose.chance(0.5) ? { selector: choose.pick(SELECTORS) } : {}),
    ...(choose.chance(0.08) ? { serviceAccountSelector: choose.pick(ACCOUNT_SELECTORS) } : {}),
    ...(choose.chance(0.75) ? { types: choose.pick(types) } : {}),
    ...(choose.chance(0.95) ? { ingress: rules(choose, { direction: 'ingress', owner }, 5) } : {}),
    ...(!onlyIngress && choose.chance(0.9) ? { egress: rules(choose, { direction: 'egress', owner }, 5) } : {}),
  };
}

/** Which of the classes a policy belongs to. */
const CLASSES: readonly Fields[] = [
  {},
  {},
  {},
  { applyOnForward: true },
  { applyOnForward: true },
  { applyOnForward: true, preDNAT: true },
  { applyOnForward: true, doNotTrack: true },
];

function globalPolicy(choose: Random, index: number): Fields {
  const flags = choose.pick(CLASSES);
  const spec = {
    ...policyFields(choose, 'global policy', flags.preDNAT === true),
    // So that one endpoint has policy of the class and another one, which the wildcard stands in for, has not.
    ...(flags.preDNAT === true && choose.chance(0.5) ? { selector: "role == 'a'" } : {}),
    ...(choose.chance(0.08) ? { namespaceSelector: choose.pick(NAMESPACE_SELECTORS) } : {}),
    ...flags,
  };
  return resource('GlobalNetworkPolicy', { name: `g${index}` }, spec);
}

function namespacedPolicy(choose: Random, index: number): Fields {
  const namespace = choose.pick(['prod', 'prod', 'dev']);
  return resource('NetworkPolicy', { name: `n${index}`, namespace }, policyFields(choose, 'namespaced policy', false));
}

/** Its name and its place in the order may be those of a policy of Calico. */
function kubernetesPolicy(choose: Random, index: number): Fields {
  const fields = policyFields(choose, 'namespaced policy', false);
  const metadata = { name: `n${index}`, namespace: choose.pick(['prod', 'dev']) };
  return resource('KubernetesNetworkPolicy', metadata, { ...fields, tier: 'default', order: 1000 });
}

/** A list for some endpoints, of policies that meet in their ports; now and then a long one, with segments. */
function portPolicies(choose: Random, list: number): Fields[] {
  const theme = portTheme(choose);
  const [count, most] = choose.chance(0.05) ? [40, 5] : [2 + choose.int(5), 4];
  const flags = choose.chance(0.5) ? {} : choose.pick(CLASSES);
  const namespaced = Object.keys(flags).length === 0 && choose.chance(0.25);
  const owner = namespaced ? 'namespaced policy' : 'global policy';
  const directions = flags.preDNAT === true ? (['ingress'] as const) : choose.pick(DIRECTIONS);
  const tier = choose.pick(TIERS.filter((name) => name !== 'missing'));
  const selector = choose.chance(0.75) ? {} : { selector: choose.pick(SELECTORS) };
  return Array.from({ length: count }, (_, index) => {
    const own = directions.map((direction) => [direction, portRules(choose, { direction, owner }, theme, most)]);
    const spec = {
      tier,
      ...(choose.chance(0.7) ? { order: choose.pick([1, 1, 2, -1.5]) } : {}),
      ...selector,
      types: directions.map((direction) => (direction === 'ingress' ? 'Ingress' : 'Egress')),
      ...Object.fromEntries(own),
      ...flags,
    };
    const [kind, place] = namespaced ? ['NetworkPolicy', { namespace: 'prod' }] : ['GlobalNetworkPolicy', {}];
    return resource(kind, { name: `p${list}-${index}`, ...place }, spec);
  });
}

const DIRECTIONS = [['ingress'], ['egress'], ['ingress', 'egress']] as const;

/** Before everything else, and against it: they must change nothing. */
function stagedPolicies(choose: Random): Fields[] {
  const denyAll = {
    order: -100,
    types: ['Ingress', 'Egress'],
    ingress: [{ action: 'Deny' }],
    egress: [{ action: 'Deny' }],
  };
  const all: readonly Fields[] = [
    resource('StagedGlobalNetworkPolicy', { name: 'sg' }, { ...denyAll, tier: choose.pick(['t1', 'default']) }),
    resource('StagedNetworkPolicy', { name: 'sn', namespace: 'prod' }, denyAll),
    resource(
      'StagedKubernetesNetworkPolicy',
      { name: 'sk', namespace: 'prod' },
      { podSelector: {}, policyTypes: ['Ingress'] },
    ),
  ];
  return choose.some(all, 0.2);
}
