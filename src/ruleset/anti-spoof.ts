import { accept, anyOf, concat, goto, inSet, ip, ip6, match, meta } from '../nft/expressions.js';
import type { NamedSet, Rule as NftRule, Value, VerdictMap } from '../nft/objects.js';
import type { Family, WorkloadEndpointPolicy } from '../policy/host-policy.js';
import { dispatch, forWorkloadInterfaces } from './dispatch.js';
import { parsePrefix } from './prefix.js';
import type { Rendering } from './program.js';
import { verdictsOf } from './verdicts.js';

/** What packets from workload interfaces meet first, and what this looks up. */
export interface AntiSpoof {
  readonly rules: readonly NftRule[];
  readonly maps: readonly VerdictMap[];
  readonly sets: readonly NamedSet[];
}

/**
 * A packet from a workload must have one of the addresses of its endpoint, or one of the prefixes that it may spoof, as source.
 * Routes do not count, unlike in Calico's reverse-path test: any route to the interface would make its addresses legal there.
 * Which interface it is matters only for what has another source; one without an endpoint is none of this stage's business.
 */
export function antiSpoof(rendering: Rendering): AntiSpoof {
  const { policy, pool } = rendering;
  const endpoints = policy.workloadEndpoints;
  if (endpoints.length === 0) return { rules: [], maps: [], sets: [] };
  const sets = addressSets(endpoints);
  const deny: NftRule = {
    statements: verdictsOf('normal', policy.parameters).deny,
    comment: 'source address of somebody else',
  };
  let denied: string | undefined;
  const foreignChain = (endpoint: WorkloadEndpointPolicy): string => {
    if (endpoint.allowedSources.length > 0) return allowedChain(endpoint, deny, rendering);
    denied ??= pool.add('anti-spoof-deny', 'sources that are not allowed', [deny]);
    return denied;
  };
  const foreign = dispatch(
    'workload-source',
    'iifname',
    endpoints.map((endpoint) => [endpoint.interface, goto(foreignChain(endpoint))] as const),
  );
  const comment = 'source addresses of workloads';
  const chain = pool.add('anti-spoof', comment, [...sets.map(addressRule), ...SPECIAL_SOURCES, ...foreign.lookup]);
  return { rules: forWorkloadInterfaces('iifname', policy, comment, [goto(chain)]), maps: [foreign.map], sets };
}

/** Sources that a host uses before it has an address, and IPv6 link-local ones. */
const SPECIAL_SOURCES: readonly NftRule[] = [
  {
    statements: [
      match(ip.saddr, '0.0.0.0'),
      match(ip.daddr, anyOf(['255.255.255.255', { address: '224.0.0.0', length: 4 }])),
      accept,
    ],
    comment: 'DHCP discovery',
  },
  {
    statements: [match(ip6.saddr, anyOf(['::', { address: 'fe80::', length: 10 }])), accept],
    comment: 'IPv6 address detection and link-local addresses',
  },
];

const knownSets = new WeakMap<readonly WorkloadEndpointPolicy[], readonly NamedSet[]>();

function addressSets(endpoints: readonly WorkloadEndpointPolicy[]): readonly NamedSet[] {
  const sets = knownSets.get(endpoints) ?? ([4, 6] as const).map((family) => addressSet(family, endpoints));
  knownSets.set(endpoints, sets);
  return sets;
}

function addressSet(family: Family, endpoints: readonly WorkloadEndpointPolicy[]): NamedSet {
  const elements: Value[] = endpoints.flatMap((endpoint) =>
    ofFamily(endpoint.addresses, family).map((address) => [endpoint.interface, address]),
  );
  return {
    name: `workload-addresses-${family}`,
    type: ['ifname', family === 4 ? 'ipv4_addr' : 'ipv6_addr'],
    comment: 'interfaces and addresses of workloads',
    elements,
  };
}

function addressRule(set: NamedSet): NftRule {
  const source = set.type.includes('ipv4_addr') ? ip.saddr : ip6.saddr;
  return { statements: [match(concat(meta.iifname, source), inSet(set.name)), accept], comment: 'own addresses' };
}

/** For what has none of the addresses of its endpoint, but perhaps a source that the endpoint may spoof. */
function allowedChain({ allowedSources }: WorkloadEndpointPolicy, deny: NftRule, { pool }: Rendering): string {
  const allowed = ([4, 6] as const).flatMap((family) => {
    const prefixes = ofFamily(allowedSources, family).map(parsePrefix);
    const source = family === 4 ? ip.saddr : ip6.saddr;
    return prefixes.length === 0 ? [] : [{ statements: [match(source, anyOf(prefixes)), accept] }];
  });
  return pool.add('anti-spoof-allowed', 'allowSpoofedSourcePrefixes', [...allowed, deny]);
}

function ofFamily(texts: readonly string[], family: Family): string[] {
  return texts.filter((text) => text.includes(':') === (family === 6));
}
