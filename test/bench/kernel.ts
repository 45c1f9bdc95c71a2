import { execa } from 'execa';
import type { Driver } from '../../src/nft/driver.js';
import { accept, inSet, ip, match, meta, th } from '../../src/nft/expressions.js';
import { kernelTable } from '../../src/nft/kernel-table.js';
import { nftCommand } from '../../src/nft/nft-command.js';
import type { Chain, NamedSet, Table } from '../../src/nft/objects.js';
import { inNamespace } from '../lab/command.js';
import { namespacePrefix, removeNamespaces } from '../lab/namespaces.js';
import { type Commits, monotonicMs, observeCommits, pause } from './commits.js';
import { type Compared, type Figure, figure } from './figure.js';
import type { Section } from './section.js';

const RULES = 10;

interface Size {
  readonly sets: number;
  readonly members: number;
  readonly member: Compared;
  readonly chain: Compared;
  readonly check: Compared;
}

const SIZES: readonly Size[] = [
  { sets: 100, members: 20, member: { felix: 9.8 }, chain: { felix: 15 }, check: { felix: 0.23 } },
  { sets: 500, members: 50, member: { felix: 9.5 }, chain: { felix: 23 }, check: { felix: 1.3 } },
  { sets: 2000, members: 100, member: { felix: 15 }, chain: { felix: 25 }, check: { felix: 6.5 } },
];

export const kernel: Section = {
  name: 'kernel',
  help: 'one change of a set, of a chain, and the full check of a table with so many of them',
  needsRoot: true,
  async run({ quick }) {
    const figures: Figure[] = [];
    for (const size of quick ? SIZES.slice(0, 2) : SIZES) figures.push(...(await withSize(size, quick ? 10 : 50)));
    return figures;
  },
};

async function withSize(size: Size, repetitions: number): Promise<Figure[]> {
  const namespace = `${namespacePrefix(size.sets)}kernel`;
  await execa('ip', ['netns', 'add', namespace]);
  const commits = await observeCommits(namespace);
  try {
    const { driver, reads } = counting(nftCommand({ command: commandIn(namespace), session: true }));
    const known = kernelTable(driver, 'bench');
    const initial = tableOf(size);
    await known.sync(initial);
    const before = reads();
    const inForce = (tables: (n: number) => Table) =>
      repeated(repetitions, commits, (n) => known.sync(tables(n)).then(({ changes }) => changes));
    const member = await inForce((n) => withOneSet(initial, setOf(0, size.members + (n % 2))));
    const chain = await inForce((n) => withOneChain(initial, chainOf(0, n % 2)));
    if (reads() !== before) throw new Error('a change has read the table');
    const check: number[] = [];
    for (let run = 0; run < Math.max(3, repetitions / 10); run++) {
      const began = monotonicMs();
      const found = await known.audit(withOneChain(initial, chainOf(0, (repetitions + 1) % 2)));
      check.push((monotonicMs() - began) / 1000);
      if (found.length > 0) throw new Error(`the check has found ${found.join(', ')}`);
    }
    const what = `${size.sets} sets of ${size.members}`;
    return [
      figure('kernel', `${what}: a member`, 'ms', member, size.member),
      figure('kernel', `${what}: a chain`, 'ms', chain, size.chain),
      figure('kernel', `${what}: full check`, 's', check, size.check),
    ];
  } finally {
    await commits.stop();
    removeNamespaces((name) => name === namespace);
  }
}

function commandIn(namespace: string): readonly [string, ...string[]] {
  const [command = 'nft', ...args] = inNamespace(namespace, ['nft']);
  return [command, ...args];
}

/** From the call to the commit, which is before nft has ended. The first one is not counted. */
async function repeated(
  repetitions: number,
  commits: Commits,
  change: (n: number) => Promise<number>,
): Promise<number[]> {
  const times: number[] = [];
  for (let n = 1; n <= repetitions + 1; n++) {
    commits.clear();
    const began = monotonicMs();
    if ((await change(n)) === 0) throw new Error('the change has changed nothing');
    const at = await commits.settled(20);
    if (n > 1) times.push(at - began);
    await pause(5);
  }
  return times;
}

function counting(driver: Driver): { readonly driver: Driver; readonly reads: () => number } {
  let count = 0;
  const read: Driver['read'] = (table) => {
    count += 1;
    return driver.read(table);
  };
  return { driver: { ...driver, read }, reads: () => count };
}

function tableOf({ sets, members }: Size): Table {
  const indexes = Array.from({ length: sets }, (_, index) => index);
  return {
    name: 'bench',
    sets: indexes.map((index) => setOf(index, members)),
    chains: indexes.map((index) => chainOf(index, 0)),
    maps: [],
  };
}

function setOf(index: number, members: number): NamedSet {
  const elements = Array.from({ length: members }, (_, member) => `10.${index >> 8}.${index & 255}.${member}`);
  return { name: `set-${index}`, type: ['ipv4_addr'], elements };
}

function chainOf(index: number, version: number): Chain {
  const rules = Array.from({ length: RULES }, (_, rule) => ({
    statements: [
      match(meta.l4proto, 6),
      match(ip.saddr, inSet(`set-${index}`)),
      match(th.dport, 1000 + rule + (rule === 0 ? version : 0) * 100),
      accept,
    ],
    comment: `rule ${rule} of chain ${index}`,
  }));
  return { name: `chain-${index}`, rules };
}

function withOneSet(table: Table, set: NamedSet): Table {
  return { ...table, sets: table.sets.map((one) => (one.name === set.name ? set : one)) };
}

function withOneChain(table: Table, chain: Chain): Table {
  return { ...table, chains: table.chains.map((one) => (one.name === chain.name ? chain : one)) };
}
