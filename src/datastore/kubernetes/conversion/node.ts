import { parseAddress, parseCidr } from '../../../resources/address.js';
import { isMap } from '../../../resources/normalise.js';
import type { Issue } from '../../../resources/resource.js';
import { type Conversion, calicoVersion, conversionIssue } from './conversion.js';
import { listIn, mapIn, type Native, onlyTexts, parsedJson, present, textIn, textListIn, textsIn } from './native.js';

type Check = (text: string) => boolean;

const prefix = 'projectcalico.org/';
const isIPv4: Check = (text) => parseAddress(text)?.family === 4;
const isIPv6: Check = (text) => parseAddress(text)?.family === 6;
const isNetIPv4: Check = (text) => parseCidr(text)?.family === 4;
const isNetIPv6: Check = (text) => parseCidr(text)?.family === 6;
const isMac: Check = (text) => /^[0-9a-fA-F]{2}([:-][0-9a-fA-F]{2}){5}$/.test(text);
const isPublicKey: Check = (text) => /^[A-Za-z0-9+/]{43}=$/.test(text);

/**
 * A node of Kubernetes, with what Calico keeps in annotations of it, as a Node of Calico. A bad annotation is left out, as Calico
 * does.
 */
export function calicoNode(node: Native): Conversion {
  const metadata = mapIn(node, 'metadata');
  const annotations = textsIn(metadata, 'annotations');
  const name = textIn(metadata, 'name') ?? '';
  const warnings: Issue[] = [];
  const warn = (key: string, message: string): void => {
    warnings.push(conversionIssue(['metadata', 'annotations', prefix + key], `${message}; it is ignored`));
  };
  const read = (key: string, check: Check): string | undefined => {
    const text = annotations[prefix + key];
    if (text === undefined || text === '' || check(text)) return text || undefined;
    warn(key, `'${text}' can't be used`);
    return undefined;
  };
  const bgp = unlessEmpty({
    asNumber: asNumber(read('ASNumber', (text) => asNumber(text) !== undefined)),
    ipv4Address: read('IPv4Address', isNetIPv4),
    ipv6Address: read('IPv6Address', isNetIPv6),
    ipv4IPIPTunnelAddr: read('IPv4IPIPTunnelAddr', isIPv4),
    routeReflectorClusterID: read('RouteReflectorClusterID', isIPv4),
  });
  const value = present({
    apiVersion: calicoVersion,
    kind: 'Node',
    metadata: present({
      name,
      uid: textIn(metadata, 'uid'),
      creationTimestamp: textIn(metadata, 'creationTimestamp'),
      labels: unlessEmpty({ ...jsonTexts(annotations, 'labels', warn), ...textsIn(metadata, 'labels') }),
      annotations: unlessEmpty(jsonTexts(annotations, 'annotations', warn)),
    }),
    spec: present({
      bgp,
      orchRefs: [{ nodeName: name, orchestrator: 'k8s' }],
      wireguard: unlessEmpty({
        interfaceIPv4Address: read('IPv4WireguardInterfaceAddr', isIPv4),
        interfaceIPv6Address: read('IPv6WireguardInterfaceAddr', isIPv6),
      }),
      ipv4VXLANTunnelAddr: read('IPv4VXLANTunnelAddr', isIPv4),
      vxlanTunnelMACAddr: read('VXLANTunnelMACAddr', isMac),
      ipv6VXLANTunnelAddr: read('IPv6VXLANTunnelAddr', isIPv6),
      vxlanTunnelMACAddrV6: read('VXLANTunnelMACAddrV6', isMac),
      addresses: addresses(node, bgp),
      interfaces: interfaces(annotations[`${prefix}Interfaces`], warn),
    }),
    status: unlessEmpty({
      wireguardPublicKey: read('WireguardPublicKey', isPublicKey),
      wireguardPublicKeyV6: read('WireguardPublicKeyV6', isPublicKey),
      podCIDRs: podCidrs(node),
    }),
  });
  return { is: 'object', key: { kind: 'Node', name }, value, warnings };
}

/** A number, or two of 16 bits with a dot between them. */
function asNumber(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const parts = /^\d{1,10}(\.\d{1,5})?$/.test(text) ? text.split('.').map(Number) : [];
  const [high = 0, low] = parts;
  if (parts.length === 0) return undefined;
  if (low === undefined) return high <= 0xffffffff ? high : undefined;
  return high <= 0xffff && low <= 0xffff ? high * 0x10000 + low : undefined;
}

/** What Calico keeps of metadata in an annotation. */
function jsonTexts(
  annotations: Readonly<Record<string, string>>,
  key: 'labels' | 'annotations',
  warn: (key: string, message: string) => void,
): Readonly<Record<string, string>> {
  const text = annotations[prefix + key];
  if (text === undefined) return {};
  const parsed = parsedJson(text);
  if (isMap(parsed)) return onlyTexts(parsed);
  warn(key, 'must be a map in JSON');
  return {};
}

function addresses(node: Native, bgp: Native | undefined): Native[] | undefined {
  const own = [bgp?.ipv4Address, bgp?.ipv6Address].filter((address) => address !== undefined);
  const told = listIn(mapIn(node, 'status'), 'addresses').flatMap((entry) => {
    const [address, type] = [textIn(entry, 'address'), textIn(entry, 'type')];
    return address !== undefined && (type === 'InternalIP' || type === 'ExternalIP') ? [{ address, type }] : [];
  });
  const all = [...own.map((address) => ({ address, type: 'CalicoNodeIP' })), ...told];
  return all.length > 0 ? all : undefined;
}

function interfaces(text: string | undefined, warn: (key: string, message: string) => void): Native[] | undefined {
  if (text === undefined) return undefined;
  const list = parsedJson(text);
  if (!Array.isArray(list)) {
    warn('Interfaces', 'must be a list in JSON');
    return undefined;
  }
  return list.filter(isMap).map((entry) => {
    const known = textListIn(entry, 'addresses').filter((address) => parseAddress(address) !== undefined);
    return present({ name: textIn(entry, 'name'), addresses: known });
  });
}

function podCidrs(node: Native): readonly string[] | undefined {
  const cidrs = textListIn(mapIn(node, 'spec'), 'podCIDRs');
  return cidrs.length > 0 ? cidrs : undefined;
}

function unlessEmpty(fields: Native): Native | undefined {
  const some = present(fields);
  return Object.keys(some).length > 0 ? some : undefined;
}
