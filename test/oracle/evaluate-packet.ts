import type { evaluator } from '../../src/evaluate/evaluate.js';
import type { Packet as EvaluatorPacket } from '../../src/evaluate/packet.js';
import type { Verdict } from '../../src/evaluate/verdict.js';
import { hasPorts, type Packet } from './packet.js';

type Evaluate = ReturnType<typeof evaluator>;

/** What the evaluator says about a packet of the tests, and the verdicts that led to it. */
export interface Evaluation {
  readonly verdict: 'accept' | 'drop' | 'reject';
  /** Untracked policy allowed it, before it had a connection: over `lo` only on the first half of the way. */
  readonly untracked: boolean;
  readonly parts: readonly Verdict[];
}

const VERDICTS = { allow: 'accept', deny: 'drop', reject: 'reject' } as const;

export function evaluatePacket(evaluate: Evaluate, packet: Packet, steps = false): Evaluation {
  const first = evaluate(forEvaluator(packet), { steps });
  // What untracked policy allows is not translated, so it goes where its own address leads.
  if (packet.dnat && wasUntracked(first)) return evaluatePacket(evaluate, { ...packet, dnat: undefined }, steps);
  if (packet.path !== 'loopback' || first.verdict !== 'allow') return evaluation([first]);
  const state = wasUntracked(first) ? 'untracked' : packet.state;
  const second = evaluate({ ...forEvaluator({ ...packet, state }), path: 'in', inInterface: 'lo' }, { steps });
  return evaluation([first, second]);
}

function evaluation(parts: readonly Verdict[]): Evaluation {
  return {
    verdict: VERDICTS[parts.at(-1)?.verdict ?? 'allow'],
    untracked: parts.slice(0, 1).some(wasUntracked),
    parts,
  };
}

function wasUntracked({ stages }: Verdict): boolean {
  return stages.some(
    ({ class: policyClass, result, by }) =>
      policyClass === 'untracked' && result === 'allow' && typeof by?.rule === 'number',
  );
}

function forEvaluator({ dnat, ...packet }: Packet): EvaluatorPacket {
  const { path, oif } = dnat ?? packet;
  const ports = hasPorts(packet);
  return {
    path: path === 'loopback' ? 'out' : path,
    inInterface: packet.iif,
    outInterface: path === 'loopback' ? 'lo' : oif,
    family: packet.family,
    source: packet.source,
    destination: dnat?.destination ?? packet.destination,
    protocol: packet.protocol,
    sourcePort: ports ? packet.sport : undefined,
    destinationPort: ports ? (dnat?.dport ?? packet.dport) : undefined,
    icmpType: packet.icmp?.type,
    icmpCode: packet.icmp?.code,
    hopLimit: packet.hopLimit,
    state: packet.state,
    beforeDNAT: dnat && {
      destination: packet.destination,
      destinationPort: packet.dport,
      outInterface: packet.oif,
    },
  };
}
