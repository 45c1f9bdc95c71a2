import * as z from 'zod';
import { asNumberProblem } from './as-number.js';
import { absentIsEmpty, alwaysPrinted, emptyIsAbsent, fieldRoles, report, text, wordOrNumber } from './field.js';
import { clusterMetadata } from './metadata.js';
import { macProblem, resourceNameProblem } from './name.js';
import { addressOf, cidrOf } from './net-fields.js';
import { resource } from './resource-schema.js';

const asNumber = wordOrNumber('an AS number')
  .superRefine((value, context) => {
    const message = asNumberProblem(value);
    if (message !== undefined) report(context, 'V-NODE-AS', [], message);
  })
  .register(fieldRoles, { role: 'as-number' });

const mac = () => emptyIsAbsent(text('V-MAC', macProblem));

const bgp = z
  .object({
    asNumber: asNumber.optional(),
    ipv4Address: emptyIsAbsent(cidrOf(4, 'V-CIDR')),
    ipv6Address: emptyIsAbsent(cidrOf(6, 'V-CIDR')),
    ipv4IPIPTunnelAddr: emptyIsAbsent(addressOf(4, 'V-IP')),
    routeReflectorClusterID: emptyIsAbsent(addressOf(4, 'V-IP')),
  })
  .superRefine((value, context) => {
    if (Object.values(value).every((field) => field === undefined))
      report(context, 'V-NODE-1', [], 'bgp must not be empty; leave it out instead');
  });

const wireguard = z.object({
  interfaceIPv4Address: emptyIsAbsent(addressOf(4, 'V-IP')),
  interfaceIPv6Address: emptyIsAbsent(addressOf(6, 'V-IP')),
});

const spec = z.object({
  bgp: bgp.optional(),
  ipv4VXLANTunnelAddr: emptyIsAbsent(addressOf(4, 'V-IP')),
  vxlanTunnelMACAddr: mac(),
  ipv6VXLANTunnelAddr: emptyIsAbsent(addressOf(6, 'V-IP')),
  vxlanTunnelMACAddrV6: mac(),
  orchRefs: z.array(z.object({ nodeName: emptyIsAbsent(z.string()), orchestrator: absentIsEmpty() })).optional(),
  wireguard: wireguard.optional(),
  addresses: z.array(z.object({ address: absentIsEmpty(), type: emptyIsAbsent(z.string()) })).optional(),
  interfaces: z
    .array(z.object({ name: emptyIsAbsent(z.string()), addresses: z.array(z.string()).optional() }))
    .optional(),
});

const publicKey = emptyIsAbsent(
  text('V-NODE-KEY', (key) =>
    /^[A-Za-z0-9+/]{43}=$/.test(key) ? undefined : `'${key}' is no WireGuard public key (32 bytes in base64)`,
  ),
);

const status = z.object({
  wireguardPublicKey: publicKey,
  wireguardPublicKeyV6: publicKey,
  podCIDRs: z.array(z.string()).optional(),
});

/** A Calico Node, as far as the agent reads it. */
export const node = resource('Node', clusterMetadata('V-NAME', resourceNameProblem), spec).extend({
  status: alwaysPrinted(status, {}),
});

export type Node = z.infer<typeof node>;
