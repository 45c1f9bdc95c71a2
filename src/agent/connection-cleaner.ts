import { type Conntrack, ConntrackError } from '../conntrack/conntrack.js';
import type { Log } from '../observe/log.js';
import { addressesOf } from '../policy/endpoint-item.js';
import type { WorkloadEndpointPolicy } from '../policy/host-policy.js';
import type { Resource } from '../resources/kinds.js';

/**
 * Deletes the connections of addresses that workloads had: open ones are never judged again, and whoever gets the address next
 * would inherit them.
 */
export interface ConnectionCleaner {
  /** What was in force before the agent started: what has gone meanwhile has left connections, too. */
  restore(resources: Iterable<Resource>): void;
  /** Before these workloads come into force: resolves when none of their addresses has connections that are still to be deleted. */
  ready(workloads: readonly WorkloadEndpointPolicy[]): Promise<void>;
  /** These are in force now. The connections of those that have gone are deleted, one after the other. */
  inForce(workloads: readonly WorkloadEndpointPolicy[]): void;
  /** Resolves when there is nothing left to delete. */
  done(): Promise<void>;
}

interface Workload {
  /** Who it is, and where: in another place it is another one. */
  readonly identity: string;
  readonly addresses: readonly string[];
}

export function connectionCleaner(conntrack: Conntrack, node: string, log: Log): ConnectionCleaner {
  /** The address of each pair of an address and a workload that has it. */
  let had = new Map<string, string>();
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
    restore(resources) {
      had = pairsOf(formerWorkloads(resources, node));
    },
    async ready(workloads) {
      if (pending.size === 0) return;
      await Promise.all(workloads.flatMap(({ addresses }) => addresses.map((address) => pending.get(address))));
    },
    inForce(workloads) {
      const before = had;
      had = pairsOf(workloads.map(workloadOf));
      const left = new Set([...before].flatMap(([pair, address]) => (had.has(pair) ? [] : [address])));
      for (const address of left) enqueue(address);
    },
    done: () => queue,
  };
}

function workloadOf({ namespace, name, interface: place, addresses }: WorkloadEndpointPolicy): Workload {
  return { identity: identityOf(namespace, name, place), addresses };
}

function pairsOf(workloads: Iterable<Workload>): Map<string, string> {
  const pairs = new Map<string, string>();
  for (const { identity, addresses } of workloads)
    for (const address of addresses) pairs.set(`${address} ${identity}`, address);
  return pairs;
}

function identityOf(namespace: string, name: string, place: string): string {
  return `${namespace}/${name} ${place}`;
}

/** Where several wanted one interface it is not known who had it, and nobody's connections are cut on suspicion. */
function formerWorkloads(resources: Iterable<Resource>, node: string): Workload[] {
  const byInterface = new Map<string, Workload[]>();
  for (const resource of resources) {
    if (resource.kind !== 'WorkloadEndpoint' || resource.spec.node !== node) continue;
    const { metadata, spec } = resource;
    const identity = identityOf(metadata.namespace, metadata.name, spec.interfaceName);
    const others = byInterface.get(spec.interfaceName) ?? [];
    byInterface.set(spec.interfaceName, [...others, { identity, addresses: addressesOf(spec.ipNetworks ?? []) }]);
  }
  return [...byInterface.values()].flatMap((workloads) => (workloads.length === 1 ? workloads : []));
}
