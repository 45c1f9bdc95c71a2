import { isMap } from './normalise.js';
import { apiVersion } from './resource-schema.js';

/**
 * Kinds of Calico's API that say nothing about policy on a host: routes, address pools, controllers. With what
 * calicoctl calls them besides the kind and its plural.
 */
const otherCalicoKinds: Readonly<Record<string, readonly string[]>> = {
  BGPConfiguration: ['bgpconfig', 'bgpconfigs'],
  BGPFilter: ['bgpf', 'bgpfs', 'bf', 'bfs'],
  BGPPeer: ['bgpp', 'bgpps', 'bp', 'bps'],
  BlockAffinity: ['blockaffinities'],
  CalicoNodeStatus: ['caliconodestatuses', 'nodestatus', 'nodestatuses'],
  IPAMBlock: [],
  IPAMConfig: [],
  IPAMConfiguration: [],
  IPAMHandle: [],
  IPPool: ['ipp', 'ipps', 'pool', 'pools'],
  IPReservation: ['reservation', 'reservations'],
  KubeControllersConfiguration: ['kubecontrollersconfig', 'kubecontrollersconfigs'],
  LiveMigration: [],
};

const byName = new Map(
  Object.entries(otherCalicoKinds).flatMap(([kind, names]) =>
    [kind.toLowerCase(), `${kind.toLowerCase()}s`, ...names].map((name) => [name, kind] as const),
  ),
);

/** Whether a document is an object of Calico's API that Margay has no use for. */
export function isOtherCalicoKind(value: unknown): boolean {
  return isMap(value) && value.apiVersion === apiVersion && Object.hasOwn(otherCalicoKinds, String(value.kind));
}

/** The kind of Calico's API without use for Margay that a user names, as to calicoctl. */
export function otherCalicoKindNamed(name: string): string | undefined {
  return byName.get(name.toLowerCase());
}
