import type { Interface } from '../../src/interfaces/interface-source.js';
import { addressNumber, familyOf, inCidr } from './address.js';
import type { Path } from './packet.js';

/** The host of all random worlds: the interfaces, addresses and routes that the network namespace of the kernel's tests has too. */
export const NODE = 'node0';

const ADDRESSES = {
  lo: ['127.0.0.1', '::1'],
  eth0: ['10.0.0.1', '10.0.0.2', 'fd00::1'],
  eth1: ['10.1.0.1', 'fd01::1'],
  /** A workload interface where `interfacePrefix` has `tap`. */
  tap5: ['10.5.0.1', 'fd05::1'],
  cali0: [],
  cali1: [],
  /** Has the name of a workload interface, and no endpoint. */
  cali9: [],
} as const;

export type InterfaceName = keyof typeof ADDRESSES;

export const INTERFACES: readonly Interface[] = Object.entries(ADDRESSES).map(([name, addresses], index) => ({
  name,
  index: index + 1,
  up: true,
  addresses,
}));

/** What is behind each interface, the longest prefix first where they overlap. */
export const ROUTES: readonly (readonly [cidr: string, name: InterfaceName])[] = [
  ['10.65.0.2/32', 'cali0'],
  ['10.65.0.3/32', 'cali1'],
  ['10.65.0.9/32', 'cali9'],
  ['10.65.1.0/24', 'cali0'],
  ['10.1.0.0/16', 'eth1'],
  ['10.5.0.0/16', 'tap5'],
  ['0.0.0.0/0', 'eth0'],
  ['fd65::2/128', 'cali0'],
  ['fd65::3/128', 'cali1'],
  ['fd65::9/128', 'cali9'],
  ['fd65:0:0:1::/64', 'cali0'],
  ['fd01::/16', 'eth1'],
  ['fd05::/16', 'tap5'],
  ['::/0', 'eth0'],
];

/** Destination NAT by somebody else, such as kube-proxy: virtual address → address, and port where the protocol has one. */
export const VIRTUAL: readonly { readonly from: string; readonly to: string; readonly dport?: number }[] = [
  { from: '10.96.0.1', to: '10.65.0.2' },
  { from: '10.96.0.2', to: '10.65.0.3', dport: 8080 },
  { from: '10.96.0.3', to: '10.0.0.1', dport: 80 },
  { from: '10.96.0.4', to: '10.1.0.7' },
  { from: '10.96.0.5', to: '10.0.0.5', dport: 443 },
  { from: '10.96.0.6', to: '10.65.0.9' },
  { from: 'fd96::1', to: 'fd65::2' },
  { from: 'fd96::2', to: 'fd65::3', dport: 8080 },
  { from: 'fd96::3', to: 'fd00::1', dport: 80 },
  { from: 'fd96::4', to: 'fd01::7' },
];

/** What workloads may be reached by from outside (ipNATs); one is somebody else's, too, and some are the host's own. */
export const EXTERNAL: readonly string[] = [
  '198.51.100.77',
  '10.0.0.2',
  '10.1.0.77',
  '10.96.0.4',
  '10.65.0.9',
  '2001:db8::77',
  'fd00::1',
  'fd01::77',
  'fd96::4',
];

export const LOCAL_ADDRESSES: readonly string[] = INTERFACES.flatMap(({ addresses }) => addresses);

/** Where packets to an address go: undefined for the host itself. */
export function routeTo(address: string): InterfaceName | undefined {
  if (LOCAL_ADDRESSES.includes(address) || inCidr(address, '127.0.0.0/8')) return undefined;
  const found = ROUTES.find(([cidr]) => inCidr(address, cidr));
  if (!found) throw new RangeError(`no route to ${address}`);
  return found[1];
}

/** How a packet that comes in by `iif`, or from the host itself, goes on to its destination. */
export interface Place {
  readonly path: Path;
  readonly iif?: string;
  readonly oif?: string;
}

export function placeOf(iif: string | undefined, destination: string): Place {
  const oif = routeTo(destination);
  if (iif === undefined) return oif === undefined ? { path: 'loopback' } : { path: 'out', oif };
  return oif === undefined ? { path: 'in', iif } : { path: 'forward', iif, oif };
}

/** Neither multicast nor broadcast nor of one link only: what a router forwards. */
export function isRoutable(address: string): boolean {
  const value = addressNumber(address);
  if (familyOf(address) === 6) return value >> 120n !== 0xffn && value >> 118n !== 0x3fan && value > 1n;
  const first = value >> 24n;
  return first !== 0n && first !== 127n && first < 224n && address !== '169.254.0.0';
}
