import { accept, anyOf, concat, ip, ip6, match, meta, th } from '../nft/expressions.js';
import type { Rule as NftRule, Statement } from '../nft/objects.js';
import type { FailsafePort, PolicyParameters } from '../policy/host-policy.js';
import { parsePrefix } from './prefix.js';
import type { Direction } from './program.js';

/** Rules that come before policy, in lists of which each is the same object while the parameters are the same. */
export type FailsafeRules = readonly (readonly NftRule[])[];

/** The failsafe ports of a direction are accepted, peers by net. */
export function failsafeRules(direction: Direction, parameters: PolicyParameters): FailsafeRules {
  return withRules([remembered(own(direction, parameters), peerOf(direction), 'dport')]);
}

/**
 * Before connection tracking there is no "established": what answers a failsafe port of the other direction, by its source
 * port, passes as well. That is no hole, for it only skips untracked policy.
 */
export function untrackedFailsafeRules(direction: Direction, parameters: PolicyParameters): FailsafeRules {
  const answers = own(direction === 'ingress' ? 'egress' : 'ingress', parameters);
  return withRules([...failsafeRules(direction, parameters), remembered(answers, peerOf(direction), 'sport')]);
}

function withRules(lists: FailsafeRules): FailsafeRules {
  return lists.filter((rules) => rules.length > 0);
}

const known = new WeakMap<readonly FailsafePort[], Map<string, readonly NftRule[]>>();

function remembered(
  ports: readonly FailsafePort[],
  peer: 'saddr' | 'daddr',
  field: 'sport' | 'dport',
): readonly NftRule[] {
  const ofPorts = known.get(ports) ?? new Map<string, readonly NftRule[]>();
  known.set(ports, ofPorts);
  const rules = ofPorts.get(`${peer} ${field}`) ?? portRules(ports, peer, field);
  ofPorts.set(`${peer} ${field}`, rules);
  return rules;
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
