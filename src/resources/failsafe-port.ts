import * as z from 'zod';
import { parseCidr } from './address.js';
import { emptyIsAbsent, text } from './field.js';
import { integer } from './rule.js';

const protocols: Readonly<Record<string, number>> = { tcp: 6, udp: 17, sctp: 132 };

/** A protocol that can be exempted from policy, in any letter case; empty means TCP. */
export function failsafeProtocol(name: string): number | undefined {
  return name === '' ? protocols.tcp : protocols[name.toLowerCase()];
}

/**
 * An entry of the failsafe ports of a FelixConfiguration (V-FC-4). Calico takes any protocol here and fails later; SCTP and a
 * missing protocol (TCP) work with Margay, the rest is refused.
 */
export const failsafePort = z.object({
  protocol: emptyIsAbsent(
    text('V-FC-4', (name) =>
      failsafeProtocol(name) === undefined ? `protocol '${name}' is none of TCP, UDP and SCTP` : undefined,
    ),
  ),
  port: integer('V-FC-4', 0, 65535),
  net: emptyIsAbsent(
    text('V-FC-4', (net) => (parseCidr(net) === undefined ? `'${net}' is no network or address` : undefined)),
  ),
});

export type FelixFailsafePort = z.infer<typeof failsafePort>;
