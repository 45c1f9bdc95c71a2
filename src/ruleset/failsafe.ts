import { accept, anyOf, concat, ip, ip6, jump, match, meta, th } from '../nft/expressions.js';
import type { Rule as NftRule, Statement } from '../nft/objects.js';
import type { FailsafePort, PolicyParameters } from '../policy/host-policy.js';
import type { ChainPool } from './chain-pool.js';
import { parsePrefix } from './prefix.js';
import type { Direction } from './program.js';

/** The jump to the failsafe ports of a direction, if there are any: accepted before policy, peers by net. */
export function failsafeRules(direction: Direction, parameters: PolicyParameters, pool: ChainPool): NftRule[] {
  return jumpTo(pool, `failsafe-${direction}`, portRules(own(direction, parameters), peerOf(direction), 'dport'));
}

/**
 * Before connection tracking there is no "established": what answers a failsafe port of the other direction, by its source
 * port, passes as well. That is no hole, for it only skips untracked policy.
 */
export function untrackedFailsafeRules(direction: Direction, parameters: PolicyParameters, pool: ChainPool): NftRule[] {
  const peer = peerOf(direction);
  const rules = [
    ...portRules(own(direction, parameters), peer, 'dport'),
    ...portRules(own(direction === 'ingress' ? 'egress' : 'ingress', parameters), peer, 'sport'),
  ];
  return jumpTo(pool, `failsafe-untracked-${direction}`, rules);
}

function jumpTo(pool: ChainPool, name: string, rules: readonly NftRule[]): NftRule[] {
  if (rules.length === 0) return [];
  return [{ statements: [jump(pool.add(name, 'failsafe ports', rules))], comment: 'failsafe ports' }];
}

function own(direction: Direction, parameters: PolicyParameters): readonly FailsafePort[] {
  return direction === 'ingress' ? parameters.failsafeInboundHostPorts : parameters.failsafeOutboundHostPorts;
}

function peerOf(direction: Direction): 'saddr' | 'daddr' {
  return direction === 'ingress' ? 'saddr' : 'daddr';
}

function portRules(ports: readonly FailsafePort[], peer: 'saddr' | 'daddr', field: 'sport' | 'dport'): NftRule[] {
  const byNet = new Map<string, FailsafePort[]>();
  for (const port of ports) byNet.set(port.net ?? '', [...(byNet.get(port.net ?? '') ?? []), port]);
  return [...byNet]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([net, entries]) => ({
      statements: [
        ...peerMatch(net, peer),
        match(concat(meta.l4proto, th[field]), anyOf(entries.map((entry) => [entry.protocol, entry.port]))),
        accept,
      ],
      comment: `failsafe ports${field === 'sport' ? ', answers' : ''}${net === '' ? '' : ` for ${net}`}`,
    }));
}

function peerMatch(net: string, peer: 'saddr' | 'daddr'): Statement[] {
  if (net === '') return [];
  const prefix = parsePrefix(net);
  const family = match(meta.nfproto, prefix.family === 4 ? 'ipv4' : 'ipv6');
  return prefix.length === 0 ? [family] : [family, match(prefix.family === 4 ? ip[peer] : ip6[peer], prefix)];
}
