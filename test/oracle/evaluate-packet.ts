import { evaluator } from '../../src/evaluate/evaluate.js';
import { translator } from '../../src/evaluate/nat.js';
import type { Packet as EvaluatorPacket } from '../../src/evaluate/packet.js';
import type { Verdict } from '../../src/evaluate/verdict.js';
import type { HostPolicy } from '../../src/policy/host-policy.js';
import { hasPorts, type Packet } from './packet.js';
import { placeOf } from './topology.js';

/** What the evaluator says about a packet of the tests, and the verdicts that led to it. */
export interface Evaluation {
  readonly verdict: 'accept' | 'drop' | 'reject';
  /** Untracked policy allowed it, before it had a connection: over `lo` only on the first half of the way. */
  readonly untracked: boolean;
  readonly parts: readonly Verdict[];
}

const VERDICTS = { allow: 'accept', deny: 'drop', reject: 'reject' } as const;

/** For many packets of one policy. */
export function packetEvaluator(policy: HostPolicy): (packet: Packet, steps?: boolean) => Evaluation {
  const evaluate = evaluator(policy);
  const translate = translator(policy);

  /** Only what opens a connection is translated by the policy, which goes before what others do. */
  function translated(packet: Packet): EvaluatorPacket | undefined {
    const arriving = forEvaluator(packet, packet);
    const own = packet.state === 'new' ? translate(arriving) : arriving;
    if (own !== arriving) return { ...own, ...pathOf(placeOf(packet.iif, own.destination)) };
    return packet.dnat && translatedByOthers(packet, packet.dnat);
  }

  function untranslated(packet: Packet, steps: boolean): Evaluation {
    const given = { ...forEvaluator(packet, packet), dnat: false };
    const first = evaluate(given, { steps });
    if (packet.path !== 'loopback' || first.verdict !== 'allow') return evaluation([first]);
    const state = wasUntracked(first) ? 'untracked' : packet.state;
    const second = evaluate({ ...given, state, path: 'in', inInterface: 'lo' }, { steps });
    return evaluation([first, second]);
  }

  return (packet, steps = false) => {
    const after = translated(packet);
    if (!after) return untranslated(packet, steps);
    const verdict = evaluate(after, { steps });
    // What untracked policy allows is not translated, so it goes where its own address leads.
    return wasUntracked(verdict) ? untranslated(packet, steps) : evaluation([verdict]);
  };
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

function translatedByOthers(packet: Packet, dnat: NonNullable<Packet['dnat']>): EvaluatorPacket {
  const arriving = forEvaluator(packet, dnat);
  const { destination, destinationPort } = arriving;
  return {
    ...arriving,
    destination: dnat.destination,
    destinationPort: hasPorts(packet) ? (dnat.dport ?? packet.dport) : undefined,
    beforeDNAT: { destination, destinationPort, outInterface: packet.oif },
  };
}

type Place = Pick<Packet, 'path' | 'oif'>;

function forEvaluator(packet: Packet, place: Place): EvaluatorPacket {
  const ports = hasPorts(packet);
  return {
    ...pathOf(place),
    inInterface: packet.iif,
    family: packet.family,
    source: packet.source,
    destination: packet.destination,
    protocol: packet.protocol,
    sourcePort: ports ? packet.sport : undefined,
    destinationPort: ports ? packet.dport : undefined,
    icmpType: packet.icmp?.type,
    icmpCode: packet.icmp?.code,
    hopLimit: packet.hopLimit,
    state: packet.state,
  };
}

function pathOf({ path, oif }: Place): Pick<EvaluatorPacket, 'path' | 'outInterface'> {
  return path === 'loopback' ? { path: 'out', outInterface: 'lo' } : { path, outInterface: oif };
}
