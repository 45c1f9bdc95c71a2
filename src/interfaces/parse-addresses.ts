import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import * as z from 'zod';
import { InterfaceError } from './interface-error.js';
import type { Interface, Interfaces } from './interface-source.js';

const address = z.object({ family: z.string(), local: z.string().optional() });

const device = z.object({
  ifindex: z.int().positive(),
  ifname: z.string().min(1),
  flags: z.array(z.string()),
  operstate: z.string().default('UNKNOWN'),
  /** Required, for the output of `ip -j link show` is like this but for the addresses. */
  addr_info: z.preprocess(withoutEmpty, z.array(address)),
});

const listing = z.preprocess(withoutEmpty, z.array(device));

/** Some versions of iproute2 print `{}` for each device that their filter leaves out. */
function withoutEmpty(list: unknown): unknown {
  return Array.isArray(list) ? list.filter((entry) => !isEmpty(entry)) : list;
}

function isEmpty(entry: unknown): boolean {
  return typeof entry === 'object' && entry !== null && Object.keys(entry).length === 0;
}

/**
 * The interfaces in what `ip -j address show` prints, in its order. Throws InterfaceError (`unreadable`) for anything else.
 * Secondary addresses are included; of a point-to-point link it is the own address, not the peer's.
 */
export function interfacesFromJson(text: string): Interfaces {
  const parsed = listing.safeParse(parseJson(text));
  if (!parsed.success) throw unreadable(describeIssue(parsed.error));
  const interfaces = new Map<string, Interface>();
  for (const entry of parsed.data) {
    if (interfaces.has(entry.ifname)) throw unreadable(`interface ${JSON.stringify(entry.ifname)} is in it twice`);
    interfaces.set(entry.ifname, toInterface(entry));
  }
  return interfaces;
}

function toInterface({ ifname, ifindex, flags, operstate, addr_info }: z.infer<typeof device>): Interface {
  const addresses = new Set<string>();
  for (const entry of addr_info) {
    if (entry.family !== 'inet' && entry.family !== 'inet6') continue;
    const canonical = canonicalAddress(entry.local ?? '');
    if (canonical === undefined)
      throw unreadable(`interface ${ifname} has ${JSON.stringify(entry.local)} as an address`);
    addresses.add(canonical);
  }
  // The state of loopback and of drivers without carrier detection stays UNKNOWN.
  const up = flags.includes('UP') && (operstate === 'UP' || operstate === 'UNKNOWN');
  return { name: ifname, index: ifindex, up, addresses: [...addresses].sort() };
}

/** The text of an address for `Interface.addresses`; undefined if it is none. */
function canonicalAddress(text: string): string | undefined {
  const [address = ''] = text.split('%', 1);
  // ipaddr.js alone would read 010.1.2.3 as octal and 1.2 as 1.0.0.2.
  return isIP(address) === 0 ? undefined : ipaddr.process(address).toString();
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw unreadable(text.trim() === '' ? 'it is empty' : 'it is not JSON', cause);
  }
}

function describeIssue(error: z.ZodError): string {
  const [issue] = error.issues;
  const path = issue?.path.join('.') ?? '';
  const message = issue?.message ?? 'unknown content';
  return path === '' ? message : `${path}: ${message}`;
}

function unreadable(what: string, cause?: unknown): InterfaceError {
  return new InterfaceError('unreadable', `this is not the output of "ip -j address show": ${what}`, { cause });
}
