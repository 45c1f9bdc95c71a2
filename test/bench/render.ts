import { describeTable } from '../../src/nft/content.js';
import { diff } from '../../src/nft/diff.js';
import type { TableContent } from '../../src/nft/driver.js';
import { printTransaction } from '../../src/nft/print.js';
import type { PolicyCalculator } from '../../src/policy/calculator.js';
import type { Resource } from '../../src/resources/kinds.js';
import { renderTable } from '../../src/ruleset/render.js';
import { newCalculator } from './calc-case.js';
import { dataSet, groupNets, groupSet, NODE, policy, UDP_BASE } from './data-set.js';
import { type Figure, figure } from './figure.js';
import type { Section } from './section.js';

export const render: Section = {
  name: 'render',
  help: 'from the resources in memory to the script for nft: all of it, and what one change costs',
  needsRoot: false,
  async run({ quick }) {
    const repetitions = quick ? 10 : 100;
    return [
      ...[10, 100, 1000].flatMap((policies) => ofDataSet(policies, repetitions)),
      ...ofSets(quick ? 200 : 2000, 100, repetitions),
    ];
  },
};

function ofDataSet(policies: number, repetitions: number): Figure[] {
  const node = rendered(dataSet(policies));
  const what = `${policies} policies`;
  return [
    figure('render', `${what}: everything, once`, 'ms', [node.firstMs]),
    figure(
      'render',
      `${what}: the port of a policy`,
      'ms',
      changes(node, repetitions, (n) => policy(5, UDP_BASE + 5 + (n % 2) * 5000)),
    ),
    figure(
      'render',
      `${what}: a net of a network set`,
      'ms',
      changes(node, repetitions, (n) => groupSet(3, n % 2 === 0 ? groupNets(3) : [...groupNets(3), '192.0.2.0/28'])),
    ),
  ];
}

const apiVersion = 'projectcalico.org/v3';

/** Each set is used by a policy of its own. */
function ofSets(sets: number, members: number, repetitions: number): Figure[] {
  const netOf = (set: number, member: number) => `10.${set >> 8}.${set & 255}.${member}/32`;
  const setOf = (set: number, size: number): Resource => ({
    apiVersion,
    kind: 'GlobalNetworkSet',
    metadata: { name: `set-${set}`, labels: { set: `s${set}` } },
    spec: { nets: Array.from({ length: size }, (_, member) => netOf(set, member)) },
  });
  const policyOf = (set: number): Resource => ({
    apiVersion,
    kind: 'GlobalNetworkPolicy',
    metadata: { name: `policy-${set}` },
    spec: {
      tier: 'default',
      selector: 'all()',
      types: ['Ingress'],
      ingress: [{ action: 'Allow', source: { selector: `set == 's${set}'` } }],
    },
  });
  const indexes = Array.from({ length: sets }, (_, set) => set);
  const node = rendered([
    {
      apiVersion,
      kind: 'HostEndpoint',
      metadata: { name: 'node0-eth0' },
      spec: { node: NODE, interfaceName: 'eth0' },
    },
    ...indexes.map((set) => setOf(set, members)),
    ...indexes.map(policyOf),
  ]);
  const what = `${sets} sets of ${members} and policies`;
  return [
    figure('render', `${what}: everything, once`, 'ms', [node.firstMs]),
    figure(
      'render',
      `${what}: a member of a set`,
      'ms',
      changes(node, repetitions, (n) => setOf(7, members - (n % 2))),
    ),
  ];
}

interface Rendered {
  readonly calculator: PolicyCalculator;
  content: TableContent | undefined;
  readonly firstMs: number;
}

function rendered(resources: readonly Resource[]): Rendered {
  const calculator = newCalculator();
  calculator.setInterfaces(new Map([['eth0', { name: 'eth0', up: true, addresses: ['172.31.0.10'] }]]));
  for (const resource of resources) calculator.upsert(resource);
  const began = performance.now();
  const { content } = script(calculator, undefined);
  return { calculator, content, firstMs: performance.now() - began };
}

/** The ms of each change; the first, of which the code has not run yet, is not counted. */
function changes(node: Rendered, repetitions: number, version: (n: number) => Resource): number[] {
  return Array.from({ length: repetitions + 1 }, (_, n) => {
    const resource = version(n + 1);
    const began = performance.now();
    node.calculator.upsert(resource);
    const { content, text } = script(node.calculator, node.content);
    const ms = performance.now() - began;
    if (text === '') throw new Error('the change has changed nothing');
    node.content = content;
    return ms;
  }).slice(1);
}

/** What the agent does between a change and nft. */
function script(calculator: PolicyCalculator, before: TableContent | undefined) {
  const table = renderTable(calculator.calculate().hostPolicy);
  const content = describeTable(table);
  return { content, text: printTransaction(diff(before, table, content)).text };
}
