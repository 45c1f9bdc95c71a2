import { type PolicyCalculator, policyCalculator } from '../../src/policy/calculator.js';
import type { HostInterface } from '../../src/policy/resolve-interfaces.js';
import type { Resource } from '../../src/resources/kinds.js';
import { defaultAllowProfile } from '../../src/resources/packaged-rules.js';
import { initialTiers } from '../../src/resources/tier.js';
import { NODE } from './data-set.js';

/** What one calculation took. */
export interface CaseResult {
  /** From the first resource to the first host policy. */
  readonly seconds: number;
  /** What the calculator holds then, without the resources that were there before. */
  readonly heapMB: number;
  /** With them. */
  readonly totalMB: number;
  readonly sets: number;
  readonly members: number;
  readonly policies: number;
  readonly endpoints: number;
}

const LOCAL = 200;
const NAMESPACES = 100;
const MARKERS = 31;
const RULES = 5;
/** Of ten network sets, so 112 on average. */
const SET_SIZES = [1, 1, 1, 1, 2, 3, 4, 5, 100, 1000];
const apiVersion = 'projectcalico.org/v3';

/** Policies whose rules select by labels that many endpoints have: `labels-ENDPOINTS-POLICIES`; or network sets: `sets-ENDPOINTS-SETS`. */
export async function runCase(name: string): Promise<CaseResult> {
  const [kind, remote, count] = name.split('-');
  // In the order in which Felix's benchmarks tell them.
  const resources = [
    ...(kind === 'labels' ? labelPolicies(Number(count)) : []),
    ...namespaces(),
    ...endpoints(Number(remote), 'remote'),
    ...(kind === 'sets' ? setsAndPolicies(Number(count)) : []),
    ...endpoints(LOCAL, NODE),
  ];
  const before = heapMB();
  const started = performance.now();
  const calculator = newCalculator();
  calculator.setInterfaces(interfaces());
  for (const resource of resources) calculator.upsert(resource);
  const { hostPolicy } = calculator.calculate();
  const seconds = (performance.now() - started) / 1000;
  const after = heapMB();
  const result = {
    seconds,
    heapMB: after - before,
    totalMB: after,
    sets: hostPolicy.sets.size,
    members: [...hostPolicy.sets.values()].reduce((sum, { members }) => sum + members.size, 0),
    policies: hostPolicy.policies.size,
    endpoints: hostPolicy.workloadEndpoints.length,
  };
  // What is counted has to be alive until here.
  if (resources.length === 0 || calculator.count('WorkloadEndpoint') === 0) throw new Error('nothing to calculate');
  return result;
}

export function newCalculator(): PolicyCalculator {
  return policyCalculator({ node: NODE, environment: {}, builtinProfiles: [defaultAllowProfile], initialTiers });
}

function heapMB(): number {
  if (!globalThis.gc) throw new Error('needs node --expose-gc');
  globalThis.gc();
  globalThis.gc();
  return process.memoryUsage().heapUsed / 1e6;
}

function interfaces(): ReadonlyMap<string, HostInterface> {
  const names = ['eth0', ...Array.from({ length: LOCAL }, (_, index) => `cali${index}`)];
  return new Map(names.map((name) => [name, { name, up: true, addresses: [] }]));
}

function namespaces(): Resource[] {
  return Array.from({ length: NAMESPACES }, (_, index) => ({
    apiVersion,
    kind: 'Profile',
    metadata: { name: `kns.namespace-${index}` },
    spec: { labelsToApply: { 'pcns.projectcalico.org/name': `namespace-${index}` } },
  }));
}

let address = 0;

function endpoints(count: number, node: string): Resource[] {
  return Array.from({ length: count }, (_, index) => {
    address += 1;
    const labels = [10, 11, 20, 30, 40].map((n) => [`one-in-${n}`, `value-${address % n}`]);
    return {
      apiVersion,
      kind: 'WorkloadEndpoint',
      metadata: {
        name: `${node}-k8s-pod--${index}-eth0`,
        namespace: `namespace-${index % NAMESPACES}`,
        labels: { ...Object.fromEntries(labels), [`marker-${address % MARKERS}`]: 'true' },
      },
      spec: {
        orchestrator: 'k8s',
        node,
        pod: `pod-${index}`,
        endpoint: 'eth0',
        interfaceName: `cali${index}`,
        ipNetworks: [`${addressText(address)}/32`],
        profiles: [`kns.namespace-${index % NAMESPACES}`],
      },
    };
  });
}

function addressText(number: number): string {
  return `10.${number >> 16}.${(number >> 8) & 255}.${number & 255}`;
}

function labelPolicies(count: number): Resource[] {
  return Array.from({ length: count }, (_, index) =>
    globalPolicy(
      `labels-${index}`,
      `has(marker-${index % MARKERS})`,
      Array.from({ length: RULES }, (_, rule) => `has(marker-${(index + rule) % MARKERS})`),
    ),
  );
}

function setsAndPolicies(count: number): Resource[] {
  return Array.from({ length: count }, (_, index): Resource[] => {
    const name = `network-set-${index}`;
    const nets = Array.from({ length: SET_SIZES[index % SET_SIZES.length] ?? 1 }, () => {
      address += 1;
      return `${addressText(address)}/32`;
    });
    return [
      { apiVersion, kind: 'GlobalNetworkSet' as const, metadata: { name, labels: { set: name } }, spec: { nets } },
      globalPolicy(`sets-${index}`, 'all()', [`set == '${name}'`]),
    ];
  }).flat();
}

function globalPolicy(name: string, selector: string, sources: readonly string[]): Resource {
  const ingress = sources.map((source) => ({ action: 'Allow' as const, source: { selector: source } }));
  return {
    apiVersion,
    kind: 'GlobalNetworkPolicy',
    metadata: { name },
    spec: { selector, types: ['Ingress'], ingress },
  };
}
