import { isMap } from './normalise.js';
import { apiVersion } from './resource-schema.js';

/** Kinds of Calico's API that say nothing about policy on a host: routes, address pools, controllers. */
const otherCalicoKinds: ReadonlySet<string> = new Set([
  'BGPConfiguration',
  'BGPFilter',
  'BGPPeer',
  'BlockAffinity',
  'CalicoNodeStatus',
  'IPAMBlock',
  'IPAMConfig',
  'IPAMConfiguration',
  'IPAMHandle',
  'IPPool',
  'IPReservation',
  'KubeControllersConfiguration',
  'LiveMigration',
]);

/** Whether a document is an object of Calico's API that Margay has no use for. */
export function isOtherCalicoKind(value: unknown): boolean {
  return isMap(value) && value.apiVersion === apiVersion && otherCalicoKinds.has(String(value.kind));
}
