import { accept, goto, match, meta, notMatch, vmapNamed } from '../nft/expressions.js';
import type { NamePrefix, Rule, Statement, Verdict, VerdictMap } from '../nft/objects.js';
import type { HostEndpointPolicy, HostPolicy } from '../policy/host-policy.js';

/** Interface name → chain, as a verdict map: its cost does not depend on the number of endpoints. */
export interface Dispatch {
  readonly map: VerdictMap;
  /** The look-up, unless there is nothing to find. */
  readonly lookup: readonly Rule[];
}

/** Dispatch by input interface for ingress stages, by output interface for egress stages. */
export function dispatch(
  name: string,
  by: 'iifname' | 'oifname',
  elements: readonly (readonly [string, Verdict])[],
): Dispatch {
  const map = steadyMap({ name, type: ['ifname'], elements });
  return { map, lookup: elements.length > 0 ? [{ statements: [vmapNamed(meta[by], name)] }] : [] };
}

const latestMaps = new Map<string, VerdictMap>();

/** The map of the table before if it is the same: what is known of it stays with it. */
function steadyMap(map: VerdictMap): VerdictMap {
  const before = latestMaps.get(map.name);
  if (before && hasSameElements(before, map)) return before;
  latestMaps.set(map.name, map);
  return map;
}

function hasSameElements({ elements }: VerdictMap, { elements: others }: VerdictMap): boolean {
  if (elements.length !== others.length) return false;
  return elements.every(([key, verdict], index) => {
    const [otherKey, other] = others[index] ?? [];
    return key === otherKey && verdict.kind === other?.kind && targetOf(verdict) === targetOf(other);
  });
}

function targetOf(verdict: Verdict): string | undefined {
  return 'chain' in verdict ? verdict.chain : undefined;
}

/** The host endpoints that are active here: by interface, and the wildcard. */
export interface ActiveHostEndpoints {
  readonly named: readonly HostEndpointPolicy[];
  readonly wildcard: HostEndpointPolicy | undefined;
}

export function activeHostEndpoints(policy: HostPolicy): ActiveHostEndpoints {
  const active = policy.hostEndpoints.filter((endpoint) => endpoint.interfaces.length > 0);
  return {
    named: active.filter((endpoint) => !endpoint.wildcard),
    wildcard: active.find((endpoint) => endpoint.wildcard),
  };
}

/** Dispatch to host endpoints; the wildcard, if there is one, takes all interfaces that are not found. */
export interface HostDispatch extends Dispatch {
  readonly wildcard: readonly Rule[];
}

export function hostDispatch(
  name: string,
  by: 'iifname' | 'oifname',
  endpoints: ActiveHostEndpoints,
  chainOf: (endpoint: HostEndpointPolicy) => string,
): HostDispatch {
  const elements = endpoints.named.flatMap((endpoint) => {
    const verdict = goto(chainOf(endpoint));
    return endpoint.interfaces.map((interfaceName) => [interfaceName, verdict] as const);
  });
  const { wildcard } = endpoints;
  return {
    ...dispatch(name, by, elements),
    wildcard: wildcard ? [{ statements: [goto(chainOf(wildcard))], comment: `HostEndpoint ${wildcard.name} (*)` }] : [],
  };
}

/** IFNAMSIZ without the final zero: nothing can follow a prefix of this length, and nft refuses a star behind it. */
const LONGEST_NAME = 15;

/** The statements, for all interfaces that have a name of a workload interface: known ones or not. */
export function forWorkloadInterfaces(
  by: 'iifname' | 'oifname',
  policy: HostPolicy,
  comment: string,
  statements: readonly Statement[],
): Rule[] {
  return policy.parameters.interfacePrefix.map((prefix) => ({
    statements: [match(meta[by], nameOf(prefix)), ...statements],
    comment,
  }));
}

/** Leaves a base chain in which everything is about workload interfaces by its first rule. */
export function leaveUnlessWorkload({ parameters }: HostPolicy): Rule {
  const others = parameters.interfacePrefix.map((prefix) => notMatch(meta.iifname, nameOf(prefix)));
  return { statements: [...others, accept], comment: 'no workload interface' };
}

function nameOf(prefix: string): NamePrefix | string {
  return prefix.length < LONGEST_NAME ? { startsWith: prefix } : prefix;
}
