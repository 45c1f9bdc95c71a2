import type { HostPolicy, PolicyRules, Rule, TierPolicies } from './host-policy.js';

export type Direction = 'ingress' | 'egress';

/** Why a rule has no effect on this host, in words. */
export interface DeadRule {
  readonly direction: Direction;
  readonly index: number;
  readonly cause: 'hollow' | 'shadowed';
  readonly reason: string;
}

const DIRECTIONS: readonly Direction[] = ['ingress', 'egress'];

/** Rules of a policy that match nothing, because a set that they need has no members or an earlier rule takes everything. */
export function deadRules(policy: PolicyRules, { sets }: Pick<HostPolicy, 'sets'>): DeadRule[] {
  return DIRECTIONS.flatMap((direction) => {
    const rules = policy[direction];
    const last = rules.findIndex(takesEverything);
    return rules.flatMap((rule, index): DeadRule[] => {
      if (last !== -1 && index > last) {
        return [{ direction, index, cause: 'shadowed', reason: `${direction}[${last}] takes everything before` }];
      }
      const empty = neededSets(rule).find(({ ids }) => ids.every((id) => (sets.get(id)?.members.size ?? 0) === 0));
      if (!empty) return [];
      const names = empty.ids.map((id) => sets.get(id)?.description ?? id).join(', ');
      const reason = empty.isService ? `${names} has no endpoints` : `nothing is selected by ${names}`;
      return [{ direction, index, cause: 'hollow', reason }];
    });
  });
}

interface NeededSets {
  readonly ids: readonly string[];
  readonly isService: boolean;
}

/** Sets of which one at least must have a member, for each criterion. */
function neededSets({ source, destination }: Rule): NeededSets[] {
  return [source, destination].flatMap(({ set, service, ports }) => [
    ...(set === undefined ? [] : [{ ids: [set], isService: false }]),
    ...(service === undefined ? [] : [{ ids: [service], isService: true }]),
    ...(ports && ports.ranges.length === 0 ? [{ ids: ports.sets, isService: false }] : []),
  ]);
}

/** Any packet matches, and evaluation of the tier ends. */
function takesEverything(rule: Rule): boolean {
  const { action, ipVersion, protocol, notProtocol, icmp, notICMP, source, destination } = rule;
  const criteria = [
    ipVersion,
    protocol,
    notProtocol,
    icmp,
    notICMP,
    ...Object.values(source),
    ...Object.values(destination),
  ];
  return action !== 'Log' && criteria.every((criterion) => criterion === undefined);
}

/** Where the policies of an endpoint are looked at, and up to which one. */
export interface Reach {
  /** Policies that some packet may come to. */
  readonly reached: Set<string>;
  /** A policy that takes everything → those behind it. */
  readonly blockedBy: Map<string, string>;
}

/** Follows the tiers of an endpoint and class in one direction until a policy takes everything. */
export function followTiers(
  tiers: readonly TierPolicies[],
  direction: Direction,
  { policies }: Pick<HostPolicy, 'policies'>,
  reach: Reach,
): void {
  let blocker: string | undefined;
  for (const tier of tiers) {
    const ids = tier[direction];
    let blockedInTier = blocker;
    let passes = false;
    for (const id of ids) {
      if (blockedInTier !== undefined) {
        if (!reach.blockedBy.has(id)) reach.blockedBy.set(id, blockedInTier);
        continue;
      }
      const policy = policies.get(id);
      reach.reached.add(id);
      passes ||= mayPass(policy, direction);
      if (policy?.[direction].some(takesEverything)) blockedInTier = id;
    }
    const ends = blockedInTier !== undefined || (ids.length > 0 && tier.defaultAction === 'Deny');
    if (ends && !passes) blocker ??= blockedInTier ?? ids.at(-1);
  }
}

function mayPass(policy: PolicyRules | undefined, direction: Direction): boolean {
  return policy?.[direction].some(({ action }) => action === 'Pass') ?? false;
}
