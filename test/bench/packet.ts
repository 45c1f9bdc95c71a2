import { join } from 'node:path';
import { execa } from 'execa';
import { printTable } from '../../src/nft/print.js';
import { renderTable, TABLE } from '../../src/ruleset/render.js';
import { checkout } from '../lab/checkout.js';
import { inNamespace } from '../lab/command.js';
import { namespacePrefix, removeNamespaces } from '../lab/namespaces.js';
import { newCalculator } from './calc-case.js';
import { dataSet, ownNet, UDP_BASE } from './data-set.js';
import { type Compared, type Figure, figure, quantile } from './figure.js';
import type { Section } from './section.js';

const FELIX: Readonly<Record<number, number>> = { 10: 4.2, 100: 16.5, 1000: 139 };

/** A quarter of Felix's cost, and hardly more than none. */
const GOALS: Readonly<Record<number, Compared>> = { 100: { goal: 4.1 }, 1000: { goal: 1.6 } };

const NODE_ADDRESS = '172.31.0.10';
const NODE_MAC = '02:00:00:00:00:10';
/** Base chains of agents are before; what they allow ends here, with or without them. */
export const SINK =
  'table ip sink { counter delivered { }\nchain input { type filter hook input priority 200;\n' +
  `ip daddr ${NODE_ADDRESS} counter name delivered drop\n}\n}\n`;

export const packet: Section = {
  name: 'packet',
  help: 'what a packet of a new flow costs that the last of the policies allows, as a ratio to no ruleset',
  needsRoot: true,
  async run({ quick }) {
    const figures: Figure[] = [];
    for (const policies of [10, 100, 1000]) figures.push(await costWith(policies, quick ? 2 : 7, quick ? 5 : 25));
    return figures;
  },
};

async function costWith(policies: number, rounds: number, chunks: number): Promise<Figure> {
  const prefix = namespacePrefix(policies);
  const [near, far] = [`${prefix}near`, `${prefix}far`];
  try {
    await connect(near, far);
    const script = rulesetOf(policies);
    const ratios: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const without = await nsPerPacket(near, far, policies, chunks);
      await must(near, ['nft', '-f', '-'], script);
      const withRules = await nsPerPacket(near, far, policies, chunks);
      await must(near, ['nft', 'delete', 'table', 'inet', TABLE]);
      ratios.push(withRules / without);
    }
    const felix = FELIX[policies];
    return figure(
      'packet',
      `${policies} policies: new flow`,
      '×',
      ratios,
      felix === undefined ? {} : { felix, ...GOALS[policies] },
    );
  } finally {
    removeNamespaces((name) => name === near || name === far);
  }
}

/** Two new namespaces and the wire between them; what reaches `near` and is allowed ends in the sink. */
export async function connect(near: string, far: string): Promise<void> {
  for (const name of [near, far]) await execa('ip', ['netns', 'add', name]);
  await must(
    near,
    ['ip', '-batch', '-'],
    [
      `link add eth0 address ${NODE_MAC} type veth peer name far0 netns ${far}`,
      `address add ${NODE_ADDRESS}/24 dev eth0`,
      'link set eth0 up',
      'link set lo up',
      'route add default dev eth0',
      '',
    ].join('\n'),
  );
  await must(far, ['ip', 'link', 'set', 'far0', 'up']);
  await must(near, ['sh', '-c', 'for f in all eth0; do echo 0 > /proc/sys/net/ipv4/conf/$f/rp_filter; done']);
  await must(near, ['nft', '-f', '-'], SINK);
}

function rulesetOf(policies: number): string {
  const calculator = newCalculator();
  calculator.setInterfaces(new Map([['eth0', { name: 'eth0', up: true, addresses: [NODE_ADDRESS] }]]));
  for (const resource of dataSet(policies)) calculator.upsert(resource);
  return printTable(renderTable(calculator.calculate().hostPolicy)).text;
}

/** The 25th percentile of chunks: what disturbs makes slower only. All packets must have come through. */
export async function nsPerPacket(near: string, far: string, policies: number, chunks: number): Promise<number> {
  const { times, came } = await flood(near, far, policies, UDP_BASE + policies - 1, chunks);
  if (came !== times.length * FRAMES) throw new Error(`${came} of ${times.length * FRAMES} packets came through`);
  return quantile(times, 0.25);
}

/** From the net that the last policy allows, to a port: the ns per packet of each chunk, and how many came through. */
export async function flood(near: string, far: string, policies: number, port: number, chunks: number) {
  const before = await received(near);
  const source = ownNet(policies - 1).replace('/32', '');
  const script = join(checkout, 'test/bench/flood.py');
  const argv = ['python3', script, 'far0', NODE_MAC, source, NODE_ADDRESS, String(port), String(chunks)];
  const times = (await must(far, argv)).trim().split('\n').map(Number);
  return { times, came: (await received(near)) - before };
}

/** In a chunk: the ring is filled up to a whole block. 8 blocks of 64 KiB, with frames of 256 bytes. */
const FRAMES = 2048;

async function received(near: string): Promise<number> {
  const text = await must(near, ['nft', 'list', 'counter', 'ip', 'sink', 'delivered']);
  return Number(/packets (\d+) bytes/.exec(text)?.[1]);
}

/** Runs a command in a namespace; its standard output. */
export async function must(namespace: string, argv: readonly string[], input = ''): Promise<string> {
  const [command = '', ...args] = inNamespace(namespace, argv);
  return (await execa(command, args, { input })).stdout;
}
