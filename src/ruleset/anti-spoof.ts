import { accept, anyOf, concat, goto, inSet, ip, ip6, match, meta } from '../nft/expressions.js';
import type { NamedSet, Rule as NftRule, Value, Verdict } from '../nft/objects.js';
import type { Family, WorkloadEndpointPolicy } from '../policy/host-policy.js';
import { parsePrefix } from './prefix.js';
import type { Rendering } from './program.js';
import { verdictsOf } from './verdicts.js';

/** Where packets from each workload interface go first, and the sets that this needs. */
export interface AntiSpoof {
  readonly dispatch: readonly (readonly [string, Verdict])[];
  readonly sets: readonly NamedSet[];
}

/**
 * A packet from a workload must have one of the addresses of its endpoint, or one of the prefixes that it may spoof, as source.
 * Routes do not count, unlike in Calico's reverse-path test: any route to the interface would make its addresses legal there.
 */
export function antiSpoof(rendering: Rendering): AntiSpoof {
  const endpoints = rendering.policy.workloadEndpoints;
  if (endpoints.length === 0) return { dispatch: [], sets: [] };
  const sets = ([4, 6] as const).map((family) => addressSet(family, endpoints));
  const shared = rendering.pool.add('anti-spoof', 'source addresses of workloads', [
    ...sets.map((set) => addressRule(set)),
    ...SPECIAL_SOURCES,
    { statements: verdictsOf('normal', rendering.policy.parameters).deny, comment: 'source address of somebody else' },
  ]);
  const dispatch = endpoints.map(
    (endpoint) => [endpoint.interface, goto(chainOf(endpoint, shared, rendering))] as const,
  );
  return { dispatch, sets };
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

/** An endpoint with `allowSpoofedSourcePrefixes` has a chain of its own before the common one. */
function chainOf(endpoint: WorkloadEndpointPolicy, shared: string, rendering: Rendering): string {
  if (endpoint.allowedSources.length === 0) return shared;
  const rules = ([4, 6] as const).flatMap((family) => {
    const prefixes = ofFamily(endpoint.allowedSources, family).map(parsePrefix);
    const source = family === 4 ? ip.saddr : ip6.saddr;
    return prefixes.length === 0 ? [] : [{ statements: [match(source, anyOf(prefixes)), accept] }];
  });
  return rendering.pool.add('anti-spoof-allowed', 'allowSpoofedSourcePrefixes', [
    ...rules,
    { statements: [goto(shared)] },
  ]);
}

function ofFamily(texts: readonly string[], family: Family): string[] {
  return texts.filter((text) => text.includes(':') === (family === 6));
}
