import { parseAddress } from '../resources/address.js';
import type { FelixParameters } from '../resources/felix-parameters.js';
import type { HostEndpoint } from '../resources/kinds.js';
import { compareText } from './policy-order.js';

/** An interface of the host, as far as policy needs it. Addresses are canonical. */
export interface HostInterface {
  readonly name: string;
  readonly up: boolean;
  readonly addresses: readonly string[];
}

export type HostInterfaces = ReadonlyMap<string, HostInterface>;

type InterfaceParameters = Pick<FelixParameters, 'interfacePrefix' | 'interfaceExclude'>;

const WILDCARD = '*';

/**
 * Where each host endpoint of this node is active: its name → sorted interface names, or `*`. An interface goes to the endpoint
 * with the smallest name of those that name it or, without an interface name, expect one of its addresses; the wildcard with the
 * smallest name has the rest. A name that is not there yet counts, so that rules are in place before the interface is.
 */
export function resolveInterfaces(
  endpoints: readonly HostEndpoint[],
  interfaces: HostInterfaces,
  parameters: InterfaceParameters,
): ReadonlyMap<string, readonly string[]> {
  const byName = endpoints.toSorted((a, b) => compareText(a.metadata.name, b.metadata.name));
  const active = new Map<string, string[]>(byName.map((endpoint) => [endpoint.metadata.name, []]));
  const specific = byName.filter((endpoint) => endpoint.spec.interfaceName !== WILDCARD);
  const expected = new Map(specific.map((endpoint) => [endpoint, expectedAddresses(endpoint)]));
  for (const name of candidateInterfaces(specific, interfaces, parameters)) {
    const addresses = interfaces.get(name)?.addresses ?? [];
    const winner = specific.find((endpoint) => concerns(endpoint, name, addresses, expected.get(endpoint)));
    if (winner) active.get(winner.metadata.name)?.push(name);
  }
  const wildcard = byName.find((endpoint) => endpoint.spec.interfaceName === WILDCARD);
  if (wildcard) active.set(wildcard.metadata.name, [WILDCARD]);
  return active;
}

function candidateInterfaces(
  endpoints: readonly HostEndpoint[],
  interfaces: HostInterfaces,
  parameters: InterfaceParameters,
): string[] {
  const stated = endpoints.flatMap((endpoint) => endpoint.spec.interfaceName ?? []);
  const names = new Set([...interfaces.keys(), ...stated]);
  return [...names].filter((name) => !isWorkloadInterface(name, parameters) && !isExcluded(name, parameters)).sort();
}

/** Whether the name is one of a workload interface: purely by its prefix. */
export function isWorkloadInterface(
  name: string,
  { interfacePrefix }: Pick<FelixParameters, 'interfacePrefix'>,
): boolean {
  return interfacePrefix.some((prefix) => name.startsWith(prefix));
}

function isExcluded(name: string, { interfaceExclude }: InterfaceParameters): boolean {
  return interfaceExclude.names.includes(name) || interfaceExclude.patterns.some((pattern) => pattern.test(name));
}

/** Addresses are compared by value: an IPv4-mapped one is the IPv4 address. */
function expectedAddresses(endpoint: HostEndpoint): ReadonlySet<string> {
  return new Set((endpoint.spec.expectedIPs ?? []).flatMap((text) => parseAddress(text)?.text ?? []));
}

function concerns(
  endpoint: HostEndpoint,
  name: string,
  addresses: readonly string[],
  expected: ReadonlySet<string> | undefined,
): boolean {
  const { interfaceName } = endpoint.spec;
  if (interfaceName !== undefined) return interfaceName === name;
  return addresses.some((address) => expected?.has(address));
}
