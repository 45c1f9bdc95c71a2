import type { PolicyRules, ProfileRules, Rule, TierPolicies } from '../policy/host-policy.js';
import { criteria } from './criteria.js';
import type { Header } from './header.js';
import type { Decider, Direction, Step } from './verdict.js';
import type { Host } from './walk.js';

/** What rules say; undefined: nothing. */
export type Ruling = { readonly result: 'allow' | 'deny'; readonly by: Decider } | undefined;

/** Rules being run on a packet in one direction. */
export interface Run {
  readonly host: Host;
  readonly header: Header;
  readonly direction: Direction;
  /** Filled where it is asked for. */
  readonly steps?: Step[] | undefined;
}

type Origin = Pick<Decider, 'kind' | 'namespace' | 'name' | 'tier'>;

/**
 * Tiers in order: the first rule that allows or denies decides; Pass goes to the next tier; a tier with policies of this
 * direction and nothing that matched denies, unless it passes (docs.tigera.io, "Tiered policy").
 */
export function runTiers(tiers: readonly TierPolicies[], run: Run): Ruling {
  for (const tier of tiers) {
    const ruling = runTier(tier, run);
    if (ruling) return ruling;
  }
  return undefined;
}

function runTier(tier: TierPolicies, run: Run): Ruling {
  const { name, defaultAction } = tier;
  const { host, direction } = run;
  const policies = tier[direction];
  if (policies.length === 0) return undefined;
  for (const id of policies) {
    const policy = host.policy.policies.get(id);
    if (policy === undefined) throw new Error(`tier ${name} has policy ${id}, which the host policy does not have`);
    const { rule, by } = runRules(policyOrigin(policy), policy[direction], run) ?? {};
    if (rule === undefined || by === undefined) continue;
    return rule.action === 'Pass' ? undefined : { result: rule.action === 'Allow' ? 'allow' : 'deny', by };
  }
  const end = { kind: 'Tier', name, tier: name, rule: 'end of tier' } as const;
  run.steps?.push({ ...end, action: defaultAction, matched: true });
  return defaultAction === 'Pass' ? undefined : { result: 'deny', by: { ...end, direction } };
}

/**
 * The endpoint's profiles in order: allowed or denied by the first that says so. After Pass, and without a match, the next is
 * asked. A profile that does not exist denies.
 */
export function runProfiles(names: readonly string[], run: Run): Ruling {
  for (const name of names) {
    const ruling = runProfile(name, run);
    if (ruling) return ruling;
  }
  return undefined;
}

function runProfile(name: string, run: Run): Ruling {
  const { host, direction } = run;
  const profile = host.policy.profiles.get(name);
  if (profile === undefined) {
    const missing = { kind: 'Profile', name, rule: 'missing' } as const;
    run.steps?.push({ ...missing, action: 'Deny', matched: true });
    return { result: 'deny', by: { ...missing, direction } };
  }
  const { rule, by } = runRules(profileOrigin(profile), profile[direction], run) ?? {};
  if (rule === undefined || by === undefined || rule.action === 'Pass') return undefined;
  return { result: rule.action === 'Allow' ? 'allow' : 'deny', by };
}

/** The first rule that matches and is not Log. */
function runRules(origin: Origin, rules: readonly Rule[], run: Run): { rule: Rule; by: Decider } | undefined {
  for (const [index, rule] of rules.entries()) {
    if (!matches(origin, index, rule, run) || rule.action === 'Log') continue;
    return { rule, by: { ...origin, direction: run.direction, rule: index } };
  }
  return undefined;
}

function matches(origin: Origin, index: number, rule: Rule, { host, header, steps }: Run): boolean {
  const failed = criteria.find((criterion) => !criterion.holds(rule, header, host.lookups));
  const matched = failed === undefined;
  steps?.push({
    ...origin,
    rule: index,
    action: rule.action,
    matched,
    ...(failed ? { why: failed.why(rule, header, host.lookups) } : {}),
  });
  return matched;
}

function policyOrigin({ kind, namespace, name, tier }: PolicyRules): Origin {
  return namespace === undefined ? { kind, name, tier } : { kind, namespace, name, tier };
}

function profileOrigin({ name }: ProfileRules): Origin {
  return { kind: 'Profile', name };
}
