import { type Conntrack, ConntrackError } from '../conntrack/conntrack.js';
import type { Log } from '../observe/log.js';
import { addressesOf } from '../policy/endpoint-item.js';
import type { HostPolicy, WorkloadEndpointPolicy } from '../policy/host-policy.js';
import { isWorkloadInterface } from '../policy/resolve-interfaces.js';
import type { Resource } from '../resources/kinds.js';
import { isMap } from '../resources/normalise.js';
import type { RestoredEntry } from './object-journal.js';

/**
 * Deletes the connections of addresses that workloads had: open ones are never judged again, and whoever gets the address next
 * would inherit them.
 */
export interface ConnectionCleaner {
  /** What was in force before the agent started: what has gone meanwhile has left connections, too. */
  restore(entries: readonly RestoredEntry[]): void;
  /** Before this comes into force: resolves when no address of a workload has connections that are still to be deleted. */
  ready(policy: HostPolicy): Promise<void>;
  /** It is in force now. The connections of workloads that have gone are deleted, one after the other. */
  inForce(policy: HostPolicy): void;
  /** Resolves when there is nothing left to delete. */
  done(): Promise<void>;
}

/** Who is behind an interface. */
type Workload = Pick<WorkloadEndpointPolicy, 'namespace' | 'name' | 'addresses'>;

export function connectionCleaner(conntrack: Conntrack, node: string, log: Log): ConnectionCleaner {
  /** By interface: in another place a workload is another one. */
  const had = new Map<string, Workload>();
  /** Addresses with connections that are still to be deleted. */
  const pending = new Map<string, Promise<void>>();
  let queue: Promise<void> = Promise.resolve();
  let toldMissing = false;

  /** Never rejects: enforcement goes on without it. */
  const clean = async (address: string): Promise<void> => {
    try {
      await conntrack.deleteConnections(address);
      log.debug({ address }, 'the connections of an address that a workload had are deleted');
    } catch (err) {
      const isMissing = err instanceof ConntrackError && err.code === 'missing';
      if (isMissing && toldMissing) return;
      toldMissing ||= isMissing;
      log.warn(
        { err, address },
        'the connections of an address that a workload had could not be deleted: who gets the address inherits them',
      );
    }
  };

  const enqueue = (address: string): void => {
    queue = queue.then(() => clean(address));
    const mine = queue.then(() => {
      if (pending.get(address) === mine) pending.delete(address);
    });
    pending.set(address, mine);
  };

  return {
    restore(entries) {
      const own = entries.filter((entry) => isWorkloadOf(node, entry)).flatMap((entry) => entry.revived() ?? []);
      for (const [place, workload] of formerWorkloads(own)) had.set(place, workload);
    },
    async ready({ workloadEndpoints }) {
      if (pending.size === 0) return;
      await Promise.all(workloadEndpoints.flatMap(({ addresses }) => addresses.map((address) => pending.get(address))));
    },
    inForce({ workloadEndpoints, parameters }) {
      const left = new Set<string>();
      for (const workload of workloadEndpoints) {
        for (const address of leftBehind(had.get(workload.interface), workload)) left.add(address);
        had.set(workload.interface, workload);
      }
      for (const [place, { addresses }] of vanished(had, workloadEndpoints)) {
        had.delete(place);
        // An endpoint with another interface is none of ours, and may be there as before.
        if (isWorkloadInterface(place, parameters)) for (const address of addresses) left.add(address);
      }
      for (const address of left) enqueue(address);
    },
    done: () => queue,
  };
}

/** The addresses of whom the interface belonged to that are not those of the same one any more. */
function leftBehind(before: Workload | undefined, { namespace, name, addresses }: Workload): readonly string[] {
  if (!before) return [];
  const isSame = before.namespace === namespace && before.name === name;
  return isSame ? before.addresses.filter((address) => !addresses.includes(address)) : before.addresses;
}

function vanished(
  had: ReadonlyMap<string, Workload>,
  workloads: readonly WorkloadEndpointPolicy[],
): (readonly [place: string, Workload])[] {
  if (had.size === workloads.length) return [];
  const places = new Set(workloads.map(({ interface: place }) => place));
  return [...had].filter(([place]) => !places.has(place));
}

/** As it was written: few of a cluster's are of this node, and only these are worth a validation. */
function isWorkloadOf(node: string, { key, written }: RestoredEntry): boolean {
  return key.kind === 'WorkloadEndpoint' && isMap(written) && isMap(written.spec) && written.spec.node === node;
}

/** Where several wanted one interface it is not known who had it, and nobody's connections are cut on suspicion. */
function formerWorkloads(resources: readonly Resource[]): Map<string, Workload> {
  const byInterface = new Map<string, Workload>();
  const contested = new Set<string>();
  for (const resource of resources) {
    if (resource.kind !== 'WorkloadEndpoint') continue;
    const { metadata, spec } = resource;
    const { namespace, name } = metadata;
    if (byInterface.has(spec.interfaceName)) contested.add(spec.interfaceName);
    byInterface.set(spec.interfaceName, { namespace, name, addresses: addressesOf(spec.ipNetworks ?? []) });
  }
  for (const place of contested) byInterface.delete(place);
  return byInterface;
}
