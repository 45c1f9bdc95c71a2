import { monitorEventLoopDelay } from 'node:perf_hooks';
import { execa } from 'execa';
import { kernelTable } from '../../src/nft/kernel-table.js';
import { nftCommand } from '../../src/nft/nft-command.js';
import type { PolicyCalculator } from '../../src/policy/calculator.js';
import type { Resource } from '../../src/resources/kinds.js';
import { renderTable, TABLE } from '../../src/ruleset/render.js';
import { inNamespace } from '../lab/command.js';
import { namespacePrefix, removeNamespaces } from '../lab/namespaces.js';
import { newCalculator } from './calc-case.js';
import { NODE } from './data-set.js';
import { type Figure, figure } from './figure.js';
import { footprint } from './process-tree.js';
import type { Section } from './section.js';

const SETS = 100;
const LONGEST_DELAY_GOAL_MS = 20;

export const sets: Section = {
  name: 'sets',
  help: 'a set with a million members: load, one member, full check, and what they take of memory and of the event loop',
  needsRoot: true,
  run: ({ quick }) => withMembers(quick ? 1000 : 10_000, quick ? 10 : 50),
};

async function withMembers(each: number, repetitions: number): Promise<Figure[]> {
  const namespace = `${namespacePrefix(each)}sets`;
  const [command = 'nft', ...args] = inNamespace(namespace, ['nft']);
  await execa('ip', ['netns', 'add', namespace]);
  const driver = nftCommand({ command: [command, ...args], session: true });
  try {
    const calculator = withSets(each);
    const kernel = kernelTable(driver, TABLE);
    const apply = () => kernel.sync(renderTable(calculator.calculate().hostPolicy));
    const load = await observed(apply);
    const member: number[] = [];
    for (let n = 0; n <= repetitions; n++) {
      const began = performance.now();
      calculator.upsert(networkSet('one', n % 2 === 0 ? ['192.0.2.1/32'] : []));
      if ((await apply()).changes === 0) throw new Error('the change has changed nothing');
      if (n > 0) member.push(performance.now() - began);
    }
    const before = await footprint(process.pid);
    const check = await observed(async () => {
      const found = await kernel.check(new AbortController().signal);
      if (found.length > 0) throw new Error(`the check has found ${found.join(', ')}`);
    });
    const what = `${SETS * each} members`;
    const delay = { goal: LONGEST_DELAY_GOAL_MS };
    return [
      figure('sets', `${what}: load`, 's', [load.ms / 1000]),
      figure('sets', `${what}: load, nft at the most`, 'MB', [load.nftMB]),
      figure('sets', `${what}: load, longest delay of the event loop`, 'ms', [load.delayMs]),
      figure('sets', `${what}: one more or less`, 'ms', member),
      figure('sets', `${what}: resident`, 'MB', [before.residentMB], { note: before.processes.join(', ') }),
      figure('sets', `${what}: full check`, 's', [check.ms / 1000]),
      figure('sets', `${what}: full check, nft at the most`, 'MB', [check.nftMB]),
      figure('sets', `${what}: full check, longest delay of the event loop`, 'ms', [check.delayMs], delay),
    ];
  } finally {
    await driver.close();
    removeNamespaces((name) => name === namespace);
  }
}

/** What work takes: time, of the event loop, and of the children's memory, looked at every few ms. */
async function observed(work: () => Promise<unknown>) {
  const delays = monitorEventLoopDelay({ resolution: 1 });
  let nftMB = 0;
  let looking: Promise<void> | undefined;
  const look = async (): Promise<void> => {
    const { processes } = await footprint(process.pid).catch(() => ({ processes: [] }));
    for (const one of processes.slice(1)) nftMB = Math.max(nftMB, Number(one.split(' ').at(-1)));
    looking = undefined;
  };
  const timer = setInterval(() => {
    looking ??= look();
  }, 20);
  delays.enable();
  const began = performance.now();
  await work();
  const ms = performance.now() - began;
  delays.disable();
  clearInterval(timer);
  await looking;
  return { ms, nftMB, delayMs: delays.max / 1e6 };
}

const apiVersion = 'projectcalico.org/v3';

/** All of them are the peers of one rule. */
function withSets(each: number): PolicyCalculator {
  const calculator = newCalculator();
  calculator.setInterfaces(new Map([['eth0', { name: 'eth0', up: true, addresses: ['172.31.0.10'] }]]));
  calculator.upsert({
    apiVersion,
    kind: 'HostEndpoint',
    metadata: { name: 'node0-eth0' },
    spec: { node: NODE, interfaceName: 'eth0' },
  });
  calculator.upsert({
    apiVersion,
    kind: 'GlobalNetworkPolicy',
    metadata: { name: 'policy' },
    spec: {
      tier: 'default',
      selector: 'all()',
      types: ['Ingress'],
      ingress: [{ action: 'Allow', source: { selector: "set == 'large'" } }],
    },
  });
  for (let set = 0; set < SETS; set++) {
    const nets = Array.from({ length: each }, (_, n) => {
      const number = set * each + n;
      return `10.${number >> 16}.${(number >> 8) & 255}.${number & 255}/32`;
    });
    calculator.upsert(networkSet(`set-${set}`, nets));
  }
  return calculator;
}

function networkSet(name: string, nets: string[]): Resource {
  return { apiVersion, kind: 'GlobalNetworkSet', metadata: { name, labels: { set: 'large' } }, spec: { nets } };
}
