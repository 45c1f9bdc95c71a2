import type { HostInterfaces } from '../policy/resolve-interfaces.js';
import { parseAddress } from '../resources/address.js';
import type { Resource } from '../resources/kinds.js';
import { type Issue, keyText, type ObjectKey } from '../resources/resource.js';
import type { CheckEntry, CheckedDocument } from './check-files.js';
import { newCalculator } from './offline-policy.js';

/** The entries of documents, with warnings of what has no effect on a node: policies that are inert, hollow or shadowed there. */
export function nodeWarnings(documents: readonly CheckedDocument[], node: string): CheckEntry[] {
  const warnings = warningsByObject(documents, node);
  return documents.map(({ entry }) => {
    const { kind, namespace, name, line } = entry;
    if (!entry.valid || kind === undefined || name === undefined) return entry;
    const key: ObjectKey = namespace === undefined ? { kind, name } : { kind, namespace, name };
    const own = (warnings.get(keyText(key)) ?? []).map((issue) => ({ ...issue, line }));
    return own.length === 0 ? entry : { ...entry, warnings: [...entry.warnings, ...own] };
  });
}

/** The node is not here: each endpoint that is found by its addresses gets an interface that has them. */
function expectedInterfaces(resources: readonly Resource[], node: string): HostInterfaces {
  const endpoints = resources.filter((resource) => resource.kind === 'HostEndpoint' && resource.spec.node === node);
  return new Map(
    endpoints.flatMap((endpoint) => {
      if (endpoint.kind !== 'HostEndpoint' || endpoint.spec.interfaceName !== undefined) return [];
      const addresses = (endpoint.spec.expectedIPs ?? []).flatMap((text) => parseAddress(text)?.text ?? []);
      const name = `of ${endpoint.metadata.name}`;
      return [[name, { name, up: true, addresses }] as const];
    }),
  );
}

function warningsByObject(documents: readonly CheckedDocument[], node: string): Map<string, Issue[]> {
  const calculator = newCalculator(node, {});
  const resources = documents.flatMap(({ resource }) => resource ?? []);
  for (const resource of resources) calculator.upsert(resource);
  calculator.setInterfaces(expectedInterfaces(resources, node));
  const { hostPolicy, notices } = calculator.calculate();
  const states = calculator.policyStates(hostPolicy).filter(({ reason }) => reason !== null);
  const warnings = new Map<string, Issue[]>();
  const add = (key: ObjectKey, issue: Issue) =>
    warnings.set(keyText(key), [...(warnings.get(keyText(key)) ?? []), issue]);
  for (const { key, state, reason } of states) {
    add(key, {
      path: '',
      code: state,
      message: `on node ${node}${state === 'enforced' ? '' : ` ${state}`}: ${reason}`,
    });
  }
  for (const { key, issue } of notices) add(key, issue);
  return warnings;
}
