import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { parseAddress } from '../resources/address.js';
import type { HostEndpoint, Node } from '../resources/kinds.js';
import { defaultAllowName } from '../resources/profile.js';

/** What has to be done so that each node has its automatic host endpoint. */
export interface HostEndpointChanges {
  readonly create: readonly HostEndpoint[];
  readonly update: readonly HostEndpoint[];
  /** Names of automatic host endpoints whose nodes are gone. */
  readonly remove: readonly string[];
  /** Names that somebody else's host endpoints have: those are left alone, and their nodes without an automatic one. */
  readonly taken: readonly string[];
}

const createdBy = 'projectcalico.org/created-by';
/** Calico's controllers write the same, so that policies can select what either has made. */
const creator = 'calico-kube-controllers';
const suffix = 'auto-hep';
const longestName = 253;

/**
 * A host endpoint for all interfaces of each node, with the labels and addresses of the node, and open until a policy selects it: as
 * Calico's kube-controllers make it. A node that is there but can't be read is undefined; its host endpoint stays as it is. Source:
 * kube-controllers/pkg/controllers/node/hostendpoints.go.
 */
export function autoHostEndpoints(
  nodes: ReadonlyMap<string, Node | undefined>,
  existing: ReadonlyMap<string, HostEndpoint>,
): HostEndpointChanges {
  const wanted = [...nodes.values()].flatMap((node) => (node === undefined ? [] : [autoHostEndpoint(node)]));
  const nameOf = ({ metadata }: HostEndpoint): string => metadata.name;
  const missing = wanted.filter((endpoint) => !existing.has(nameOf(endpoint)));
  const present = wanted.flatMap((endpoint) => {
    const current = existing.get(nameOf(endpoint));
    return current === undefined ? [] : [{ endpoint, current }];
  });
  const own = present.filter(({ current }) => isOwn(current));
  return {
    create: missing,
    update: own.filter(({ endpoint, current }) => differs(current, endpoint)).map(({ endpoint }) => endpoint),
    remove: [...existing.values()].filter((endpoint) => isOwn(endpoint) && !nodes.has(endpoint.spec.node)).map(nameOf),
    taken: present.filter(({ current }) => !isOwn(current)).map(({ current }) => nameOf(current)),
  };
}

/**
 * Whether this controller may have made it. Those that Calico's controllers make of templates have the label, too, but other
 * names.
 */
export function isAutomatic(endpoint: {
  readonly name: string;
  readonly labels: Readonly<Record<string, unknown>>;
  readonly node: string;
}): boolean {
  return endpoint.labels[createdBy] === creator && endpoint.name === autoHostEndpointName(endpoint.node);
}

function isOwn({ metadata: { name, labels = {} }, spec: { node } }: HostEndpoint): boolean {
  return isAutomatic({ name, labels, node });
}

export function autoHostEndpointName(node: string): string {
  const name = `${node}-${suffix}`;
  if (name.length <= longestName) return name;
  const digest = createHash('sha256').update(name).digest('base64url').replaceAll(/[-_]/g, '');
  return `${digest}-${suffix}`.toLowerCase();
}

function autoHostEndpoint(node: Node): HostEndpoint {
  const { name, labels } = node.metadata;
  const addresses = expectedIPs(node);
  return {
    apiVersion: 'projectcalico.org/v3',
    kind: 'HostEndpoint',
    metadata: { name: autoHostEndpointName(name), labels: { ...labels, [createdBy]: creator } },
    spec: {
      node: name,
      interfaceName: '*',
      ...(addresses.length > 0 ? { expectedIPs: addresses } : {}),
      profiles: [defaultAllowName],
    },
  };
}

/** Every address of the node that is known, each once. */
function expectedIPs({ spec }: Node): string[] {
  const { bgp, wireguard, addresses = [], interfaces = [] } = spec;
  const all = [
    withoutMask(bgp?.ipv4Address),
    withoutMask(bgp?.ipv6Address),
    bgp?.ipv4IPIPTunnelAddr,
    spec.ipv4VXLANTunnelAddr,
    spec.ipv6VXLANTunnelAddr,
    wireguard?.interfaceIPv4Address,
    wireguard?.interfaceIPv6Address,
    ...addresses.filter(({ type }) => type === 'InternalIP').map(({ address }) => address),
    ...interfaces.flatMap(({ addresses = [] }) => addresses),
  ];
  const parsed = all.flatMap((text) => (text === undefined ? undefined : parseAddress(text)?.text) ?? []);
  return [...new Set(parsed)];
}

function withoutMask(text: string | undefined): string | undefined {
  return text?.split('/', 1)[0];
}

function differs(current: HostEndpoint, wanted: HostEndpoint): boolean {
  const compared = ({ metadata, spec }: HostEndpoint) => ({
    labels: metadata.labels ?? {},
    annotations: metadata.annotations ?? {},
    expectedIPs: spec.expectedIPs ?? [],
    interfaceName: spec.interfaceName,
  });
  return !isDeepStrictEqual(compared(current), compared(wanted));
}
