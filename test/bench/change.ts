import type { Resource } from '../../src/resources/kinds.js';
import { etcdMissing } from '../lab/etcd.js';
import { type BenchDatastore, type BenchNode, benchNode, untilInForce } from './bench-node.js';
import { monotonicMs, pause } from './commits.js';
import { groupNets, groupSet, LOCAL_WORKLOADS, policy, UDP_BASE, workload } from './data-set.js';
import { type Figure, figure } from './figure.js';
import type { Section } from './section.js';

const GOAL_MS = 30;

/** Longer than any commit that belongs to a change takes to follow another, and than the pace of the agent. */
const QUIET_MS = 60;

interface Kind {
  readonly what: string;
  /** Version `n` of an object, different from that of `n` - 1 in one thing. */
  readonly version: (n: number) => Resource;
  readonly felix: Readonly<Record<number, number>>;
}

const KINDS: readonly Kind[] = [
  {
    what: 'a net joins or leaves a network set',
    version: (n) => groupSet(3, n % 2 === 0 ? groupNets(3) : [...groupNets(3), '192.0.2.0/28']),
    felix: { 10: 8, 100: 14, 1000: 16 },
  },
  {
    what: 'a port of a policy',
    version: (n) => policy(5, UDP_BASE + 5 + (n % 2) * 5000),
    felix: { 10: 20, 100: 27, 1000: 29 },
  },
  {
    what: 'the label of a remote workload',
    version: (n) => workload(LOCAL_WORKLOADS + 1, 1 + (n % 2)),
    felix: { 10: 9, 100: 14, 1000: 17 },
  },
];

export const change: Section = {
  name: 'change',
  help: 'from the rename of a file into the datastore to the commit in the kernel',
  needsRoot: true,
  run: ({ quick }) => changes('change', 'files', quick ? 10 : 100),
};

export const etcdChange: Section = {
  name: 'etcd-change',
  help: 'from a put into etcd to the commit in the kernel',
  needsRoot: true,
  async run({ quick }) {
    const reason = etcdMissing();
    if (reason !== undefined) throw new Error(reason);
    return changes('etcd-change', 'etcd', quick ? 10 : 100);
  },
};

async function changes(section: string, datastore: BenchDatastore, repetitions: number): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const policies of [10, 100, 1000])
    figures.push(...(await changesWith(policies, section, datastore, repetitions)));
  return figures;
}

async function changesWith(
  policies: number,
  section: string,
  datastore: BenchDatastore,
  repetitions: number,
): Promise<Figure[]> {
  const node = await benchNode(policies, 'cluster', datastore);
  try {
    await node.agent.start();
    await untilInForce(node.agent);
    await pause(1000);
    const figures: Figure[] = [];
    for (const { what, version, felix } of KINDS) {
      const times: number[] = [];
      // The first one is not counted: it brings code into play that has not run yet, and may change nothing.
      await changed(node, version(1));
      for (let n = 2; n < repetitions + 2; n++) times.push(await changed(node, version(n)));
      const compared = { goal: GOAL_MS, ...(felix[policies] === undefined ? {} : { felix: felix[policies] }) };
      figures.push(figure(section, `${policies} policies: ${what}`, 'ms', times, compared));
    }
    return figures;
  } finally {
    await node.close();
  }
}

async function changed({ prepare, commits }: BenchNode, resource: Resource): Promise<number> {
  const move = await prepare(resource);
  await pause(20);
  commits.clear();
  const began = monotonicMs();
  await move();
  return (await commits.settled(QUIET_MS)) - began;
}
