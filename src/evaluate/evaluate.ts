import type { HostPolicy } from '../policy/host-policy.js';
import {
  forwardEgress,
  forwardIngress,
  hostEgress,
  hostEgressAfterDNAT,
  hostIngress,
  preDNAT,
  untrackedEgress,
  untrackedIngress,
} from './host-stages.js';
import type { Packet, Path } from './packet.js';
import type { Decider, StageName, StageResult, Verdict } from './verdict.js';
import { type Host, hostOf, startWalk, type Walk } from './walk.js';
import { antiSpoofing, endpointToHost, workloadEgress, workloadIngress, workloadToHost } from './workload-stages.js';

export interface EvaluateOptions {
  /** Also list every rule that was looked at, and why it did not match. Costs time. */
  readonly steps?: boolean;
}

/** Undefined: the stage does not concern the packet. */
type Stage = (walk: Walk) => StageResult | undefined;

/** What a packet passes, in order. None of them takes back what another denied. */
const paths: Readonly<Record<Path, readonly Stage[]>> = {
  in: [antiSpoofing, untrackedIngress, preDNAT, workloadToHost, endpointToHost, hostIngress],
  out: [untrackedEgress, hostEgress, hostEgressAfterDNAT],
  forward: [antiSpoofing, untrackedIngress, preDNAT, forwardIngress, workloadEgress, workloadIngress, forwardEgress],
};

/**
 * What happens to a packet on a host with this policy, by Calico's order of decisions (docs.tigera.io, "Host endpoints" and
 * "Tiered policy"). It allows what touches no endpoint. Limits of rate and number of connections are not part of it.
 * @throws RangeError for a packet without interfaces, or with addresses that are not of its family
 */
export function evaluate(policy: HostPolicy, packet: Packet, options?: EvaluateOptions): Verdict {
  return evaluator(policy)(packet, options);
}

/** As `evaluate`, for many packets: it prepares the policy once. Members of sets may change meanwhile. */
export function evaluator(policy: HostPolicy): (packet: Packet, options?: EvaluateOptions) => Verdict {
  const host = hostOf(policy);
  return (packet, { steps = false } = {}) => {
    const walk = startWalk(host, packet, steps);
    if (packet.family === 6 && !policy.parameters.ipv6Support) return { verdict: 'allow', stages: [] };
    return verdictOf(host, stagesOf(walk));
  };
}

function stagesOf(walk: Walk): StageResult[] {
  const results: StageResult[] = [];
  for (const stage of paths[walk.path]) {
    const result = stage(walk);
    if (!result) continue;
    results.push(result);
    if (result.result === 'deny') break;
  }
  return results;
}

/** DefaultEndpointToHostAction says itself that it drops, and the kernel can't reject after routing (EOPNOTSUPP). */
const neverRejects: ReadonlySet<StageName> = new Set<StageName>(['endpoint to host', 'host egress after DNAT']);

function verdictOf({ policy }: Host, stages: readonly StageResult[]): Verdict {
  const last = stages.at(-1);
  if (last?.result !== 'deny') return { verdict: 'allow', ...byOf(allower(stages)), stages };
  const rejects = policy.parameters.filterDenyAction === 'REJECT' && !neverRejects.has(last.stage);
  return { verdict: rejects ? 'reject' : 'deny', ...byOf(last.by), stages };
}

function allower(stages: readonly StageResult[]): Decider | undefined {
  const allowed = stages.filter(({ result }) => result === 'allow');
  const ruled = allowed.findLast(({ by }) => typeof by?.rule === 'number');
  return (ruled ?? allowed.at(-1) ?? stages.findLast(({ by }) => by))?.by;
}

function byOf(by: Decider | undefined): { by?: Decider } {
  return by ? { by } : {};
}
