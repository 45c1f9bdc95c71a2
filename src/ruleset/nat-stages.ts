import { dnat, ip, ip6, match, snat } from '../nft/expressions.js';
import type { Rule as NftRule } from '../nft/objects.js';
import type { HostPolicy, Nat } from '../policy/host-policy.js';
import { type HookStage, hookStage } from './stage.js';

/**
 * 1:1 NAT of workloads (ipNATs): what is sent to an external address, from outside or from the host itself, goes to the internal
 * one. Policy sees the internal address. What a workload sends to its own external address comes back with that as its source.
 */
export function natStages({ nats }: HostPolicy): readonly HookStage[] {
  if (nats.length === 0) return [];
  const destination = nats.map(destinationRule);
  return [
    hookStage('nat-prerouting', destination),
    hookStage('nat-output', destination),
    hookStage('nat-postrouting', nats.filter(({ hairpin }) => hairpin).map(hairpinRule)),
  ];
}

function destinationRule({ internal, external }: Nat): NftRule {
  return { statements: [match(addressesOf(external).daddr, external), dnat(internal)], comment: 'ipNATs' };
}

function hairpinRule({ internal, external }: Nat): NftRule {
  const { saddr, daddr } = addressesOf(internal);
  return { statements: [match(saddr, internal), match(daddr, internal), snat(external)], comment: 'ipNATs, to itself' };
}

function addressesOf(address: string) {
  return address.includes(':') ? ip6 : ip;
}
