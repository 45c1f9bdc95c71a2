import { canonicalCidr, parseCidr } from '../resources/address.js';
import type { GlobalNetworkSet, HostEndpoint, NetworkSet, WorkloadEndpoint } from '../resources/kinds.js';
import { protocolNumber } from '../resources/protocol.js';
import {
  NAMESPACE_LABEL,
  NAMESPACE_PREFIX,
  ORCHESTRATOR_LABEL,
  SERVICE_ACCOUNT_LABEL,
  SERVICE_ACCOUNT_PREFIX,
} from './effective-selector.js';
import type { Labels } from './label-index.js';
import type { Contribution, NamedPort } from './member-index.js';

/** What selectors see of an endpoint or network set, and what it brings into sets. */
export interface SelectableItem {
  readonly labels: Labels;
  /** Profiles whose labels it inherits. */
  readonly parents: readonly string[];
  readonly contribution: Contribution;
}

/** A host endpoint counts with its expected addresses only, whatever addresses its interfaces have. */
export function hostEndpointItem({ metadata, spec }: HostEndpoint): SelectableItem {
  return {
    labels: withoutReserved(metadata.labels ?? {}, [NAMESPACE_LABEL, SERVICE_ACCOUNT_LABEL]),
    parents: spec.profiles ?? [],
    contribution: { nets: hostNets(spec.expectedIPs ?? []), ports: namedPorts(spec.ports ?? []) },
  };
}

/** Namespace, orchestrator and service account are labels too. */
export function workloadEndpointItem({ metadata, spec }: WorkloadEndpoint): SelectableItem {
  const implicit: Record<string, string> = { [NAMESPACE_LABEL]: metadata.namespace };
  if (spec.orchestrator !== undefined) implicit[ORCHESTRATOR_LABEL] = spec.orchestrator;
  if (spec.serviceAccountName !== undefined) implicit[SERVICE_ACCOUNT_LABEL] = spec.serviceAccountName;
  return {
    labels: withImplicit(withoutReserved(metadata.labels ?? {}, []), implicit),
    parents: spec.profiles ?? [],
    contribution: { nets: hostNets(spec.ipNetworks ?? []), ports: namedPorts(spec.ports ?? []) },
  };
}

/** A network set in a namespace inherits from the profile of the namespace. */
export function networkSetItem({ kind, metadata, spec }: NetworkSet | GlobalNetworkSet): SelectableItem {
  const nets = (spec.nets ?? []).flatMap((net) => canonicalCidr(net) ?? []).slice();
  const contribution = { nets, ports: [] };
  if (kind === 'GlobalNetworkSet') return { labels: metadata.labels ?? {}, parents: [], contribution };
  const labels = { ...metadata.labels, [NAMESPACE_LABEL]: metadata.namespace };
  return { labels, parents: [`kns.${metadata.namespace}`], contribution };
}

/**
 * An endpoint must not pose as part of a namespace or service account by labels of its own: namespaced policy would capture it,
 * and rules would let it in. Calico does not take them away from host endpoints.
 */
function withoutReserved(labels: Labels, names: readonly string[]): Labels {
  const isReserved = (label: string): boolean =>
    names.includes(label) || label.startsWith(NAMESPACE_PREFIX) || label.startsWith(SERVICE_ACCOUNT_PREFIX);
  for (const label in labels) {
    if (isReserved(label)) return Object.fromEntries(Object.entries(labels).filter(([each]) => !isReserved(each)));
  }
  return labels;
}

/** The object itself where it has them, as Calico's client writes them: a large cluster would hold as many copies. */
function withImplicit(labels: Labels, implicit: Labels): Labels {
  let differs = false;
  for (const label in implicit) differs ||= labels[label] !== implicit[label];
  if (!differs) return labels;
  const all: Record<string, string> = {};
  for (const label in labels) all[label] = labels[label] ?? '';
  for (const label in implicit) all[label] = implicit[label] ?? '';
  return all;
}

const NO_NETS: readonly string[] = [];

function hostNets(texts: readonly string[]): readonly string[] {
  const [first = '', ...more] = texts;
  const net = hostNet(first);
  // Most have one address; a list that grew by flatMap would have room for 16 more.
  if (more.length === 0) return net === undefined ? NO_NETS : [net];
  return [...new Set(texts.flatMap((text) => hostNet(text) ?? []))];
}

function hostNet(text: string): string | undefined {
  const cidr = parseCidr(text);
  if (cidr === undefined) return undefined;
  // As most are written: kept once.
  if (cidr.family === 4 && cidr.hadMask && text.length === cidr.address.length + 3 && cidr.length === 32) return text;
  return `${cidr.address}/${cidr.family === 6 ? 128 : 32}`;
}

/** Canonical addresses, each once, whatever mask is written behind them. */
export function addressesOf(texts: readonly string[]): string[] {
  return [...new Set(texts.flatMap((text) => parseCidr(text)?.address ?? []))];
}

function namedPorts(
  ports: readonly { readonly name?: string | undefined; readonly protocol: string | number; readonly port: number }[],
): NamedPort[] {
  return ports.flatMap(({ name, protocol, port }) =>
    name === undefined || name === '' ? [] : [{ name, protocol: protocolNumber(protocol), port }],
  );
}
