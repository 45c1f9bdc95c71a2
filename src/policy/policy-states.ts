import { keyOf } from '../resources/key-of.js';
import type { ObjectKey } from '../resources/resource.js';
import { type DeadRule, type Direction, deadRules, followTiers, type Reach } from './dead-rules.js';
import type { HostPolicy, PolicyRules } from './host-policy.js';
import type { PolicyFacts } from './policy-facts.js';
import { DEFAULT_TIER } from './policy-facts.js';
import { compareText } from './policy-order.js';

/** What became of a policy on this host. */
export interface PolicyState {
  readonly key: ObjectKey;
  readonly tier: string;
  /**
   * `inert`: selects nothing here. `hollow`: none of its rules can match, for want of members of their sets. `shadowed`: other
   * rules take everything before. `unsupported`: is not for the endpoints that it selects.
   */
  readonly state: 'enforced' | 'staged' | 'inert' | 'hollow' | 'shadowed' | 'unsupported';
  /** Why it is not enforced, or which of its rules are not. */
  readonly reason: string | null;
}

/** A staged policy: valid and counted, never enforced. */
export interface StagedPolicy {
  readonly key: ObjectKey;
  readonly tier: string | undefined;
}

type Judgement = Pick<PolicyState, 'state' | 'reason'>;

/** The state of every policy of the cluster here, sorted by tier, name, kind and namespace. */
export function policyStates(
  policies: Iterable<PolicyFacts>,
  staged: Iterable<StagedPolicy>,
  hostPolicy: HostPolicy,
): PolicyState[] {
  const reach = reachOf(hostPolicy);
  const states = [...policies].map((facts): PolicyState => {
    const key = keyOf(facts.policy);
    return { key, tier: facts.tier, ...judge(facts, reach, hostPolicy) };
  });
  const inactive = [...staged].map(({ key, tier = DEFAULT_TIER }): PolicyState => {
    return { key, tier, state: 'staged', reason: 'staged policies are not enforced' };
  });
  return [...states, ...inactive].sort(
    (a, b) =>
      compareText(a.tier, b.tier) ||
      compareText(a.key.name, b.key.name) ||
      compareText(a.key.kind, b.key.kind) ||
      compareText(a.key.namespace ?? '', b.key.namespace ?? ''),
  );
}

function judge(facts: PolicyFacts, reach: Reach, hostPolicy: HostPolicy): Judgement {
  const { id } = facts;
  const rules = hostPolicy.policies.get(id);
  if (!rules) return { state: 'inert', reason: 'selects no endpoint of this node' };
  if (reach.reached.has(id)) return judgeRules(rules, hostPolicy);
  const blocker = reach.blockedBy.get(id);
  if (blocker !== undefined) return { state: 'shadowed', reason: `${blocker} takes everything before it` };
  return unsupported(facts) ?? { state: 'inert', reason: 'the endpoints of this node that it selects are not active' };
}

function unsupported({ policy }: PolicyFacts): Judgement | undefined {
  if (policy.kind !== 'GlobalNetworkPolicy') return undefined;
  const { doNotTrack, preDNAT } = policy.spec;
  if (doNotTrack) {
    return {
      state: 'unsupported',
      reason: 'doNotTrack is for host endpoints with an interface, and it selects others only',
    };
  }
  return preDNAT
    ? { state: 'unsupported', reason: 'preDNAT is for host endpoints, and it selects others only' }
    : undefined;
}

/** A policy without rules is enforced: it denies. */
function judgeRules(rules: PolicyRules, hostPolicy: HostPolicy): Judgement {
  const dead = deadRules(rules, hostPolicy);
  if (dead.length === 0) return { state: 'enforced', reason: null };
  const all = dead.length === rules.ingress.length + rules.egress.length;
  const reason = dead.map(describe).join('; ');
  return { state: all && dead.every(({ cause }) => cause === 'hollow') ? 'hollow' : 'enforced', reason };
}

function describe({ direction, index, reason }: DeadRule): string {
  return `${direction}[${index}] matches nothing: ${reason}`;
}

function reachOf(hostPolicy: HostPolicy): Reach {
  const reach: Reach = { reached: new Set(), blockedBy: new Map() };
  const follow = (tiers: Parameters<typeof followTiers>[0]) => {
    for (const direction of ['ingress', 'egress'] satisfies Direction[])
      followTiers(tiers, direction, hostPolicy, reach);
  };
  for (const endpoint of hostPolicy.hostEndpoints) {
    if (endpoint.interfaces.length === 0) continue;
    for (const tiers of [endpoint.untracked, endpoint.preDNAT, endpoint.forward, endpoint.normal]) follow(tiers);
  }
  for (const { normal } of hostPolicy.workloadEndpoints) follow(normal);
  return reach;
}
