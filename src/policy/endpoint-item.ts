import { cidrText, parseCidr } from '../resources/address.js';
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
  const labels = withoutReserved(metadata.labels ?? {}, []);
  labels[NAMESPACE_LABEL] = metadata.namespace;
  if (spec.orchestrator !== undefined) labels[ORCHESTRATOR_LABEL] = spec.orchestrator;
  if (spec.serviceAccountName !== undefined) labels[SERVICE_ACCOUNT_LABEL] = spec.serviceAccountName;
  return {
    labels,
    parents: spec.profiles ?? [],
    contribution: { nets: hostNets(spec.ipNetworks ?? []), ports: namedPorts(spec.ports ?? []) },
  };
}

/** A network set in a namespace inherits from the profile of the namespace. */
export function networkSetItem({ kind, metadata, spec }: NetworkSet | GlobalNetworkSet): SelectableItem {
  const nets = (spec.nets ?? []).flatMap((net) => parseCidr(net) ?? []).map(cidrText);
  const contribution = { nets, ports: [] };
  if (kind === 'GlobalNetworkSet') return { labels: metadata.labels ?? {}, parents: [], contribution };
  const labels = { ...metadata.labels, [NAMESPACE_LABEL]: metadata.namespace };
  return { labels, parents: [`kns.${metadata.namespace}`], contribution };
}

/**
 * An endpoint must not pose as part of a namespace or service account by labels of its own: namespaced policy would capture it,
 * and rules would let it in. Calico does not take them away from host endpoints.
 */
function withoutReserved(labels: Labels, names: readonly string[]): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const label in labels) {
    const reserved =
      names.includes(label) || label.startsWith(NAMESPACE_PREFIX) || label.startsWith(SERVICE_ACCOUNT_PREFIX);
    if (!reserved) kept[label] = labels[label] ?? '';
  }
  return kept;
}

function hostNets(texts: readonly string[]): string[] {
  return addressesOf(texts).map((address) => `${address}/${address.includes(':') ? 128 : 32}`);
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
