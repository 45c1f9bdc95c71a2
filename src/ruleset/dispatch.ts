import { goto, match, meta, vmapNamed } from '../nft/expressions.js';
import type { Rule, Statement, Verdict, VerdictMap } from '../nft/objects.js';
import type { HostEndpointPolicy, HostPolicy } from '../policy/host-policy.js';

/** Interface name → chain, as a verdict map: its cost does not depend on the number of endpoints. */
export interface Dispatch {
  readonly map: VerdictMap;
  /** The look-up, and where to go from an interface that is not in the map. */
  readonly rules: readonly Rule[];
}

/** Dispatch by input interface for ingress stages, by output interface for egress stages. */
export function dispatch(
  name: string,
  by: 'iifname' | 'oifname',
  elements: readonly (readonly [string, Verdict])[],
  otherwise: readonly Rule[] = [],
): Dispatch {
  const map: VerdictMap = { name, type: ['ifname'], elements };
  const lookup: Rule = { statements: [vmapNamed(meta[by], name)] };
  return { map, rules: elements.length > 0 ? [lookup, ...otherwise] : otherwise };
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

/** Dispatch to host endpoints; the wildcard, after `exceptions`, takes all interfaces that no other one has. */
export function hostDispatch(
  name: string,
  by: 'iifname' | 'oifname',
  endpoints: ActiveHostEndpoints,
  chainOf: (endpoint: HostEndpointPolicy) => string,
  exceptions: readonly Rule[] = [],
): Dispatch {
  const elements = endpoints.named.flatMap((endpoint) => {
    const verdict = goto(chainOf(endpoint));
    return endpoint.interfaces.map((interfaceName) => [interfaceName, verdict] as const);
  });
  const { wildcard } = endpoints;
  const otherwise: Rule[] = wildcard
    ? [...exceptions, { statements: [goto(chainOf(wildcard))], comment: `HostEndpoint ${wildcard.name} (*)` }]
    : [];
  return dispatch(name, by, elements, otherwise);
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
    statements: [match(meta[by], prefix.length < LONGEST_NAME ? { startsWith: prefix } : prefix), ...statements],
    comment,
  }));
}
