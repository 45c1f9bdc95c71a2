import type { ReadableKind } from './kinds.js';
import { isMap } from './normalise.js';
import { defaultTierOrder } from './tier.js';
import { workloadEndpointName } from './workload-endpoint-name.js';

type Fields = Record<string, unknown>;

const tierLabel = 'projectcalico.org/tier';

/**
 * Fills in what Calico's client does on write: namespace, the name and labels of workload endpoints, tier and types of policies,
 * order and action of tiers. The value is normalised, and changed in place; what is of the wrong type is left alone.
 */
export function fillClientDefaults(value: Fields, definition: ReadableKind): void {
  const metadata = value.metadata;
  const spec = value.spec;
  if (!isFields(metadata) || !isFields(spec)) return;
  if (definition.namespaced && (metadata.namespace ?? '') === '') metadata.namespace = 'default';
  switch (definition.kind) {
    case 'WorkloadEndpoint':
      fillWorkloadEndpoint(metadata, spec);
      break;
    case 'NetworkPolicy':
    case 'GlobalNetworkPolicy':
      fillPolicy(metadata, spec);
      break;
    case 'StagedNetworkPolicy':
    case 'StagedGlobalNetworkPolicy':
      spec.stagedAction ??= 'Set';
      fillPolicy(metadata, spec);
      if (spec.stagedAction === 'Delete') delete spec.types;
      break;
    case 'StagedKubernetesNetworkPolicy':
      spec.stagedAction ??= 'Set';
      spec.podSelector ??= {};
      if (spec.stagedAction !== 'Delete' && isEmptyList(spec.policyTypes)) delete spec.policyTypes;
      break;
    case 'Tier':
      spec.order ??= defaultTierOrder;
      spec.defaultAction ??= 'Deny';
      break;
    default:
      break;
  }
}

function fillWorkloadEndpoint(metadata: Fields, spec: Fields): void {
  if ((metadata.name ?? '') === '') {
    const text = (field: string): string | undefined => {
      const value = spec[field];
      return typeof value === 'string' ? value : undefined;
    };
    const expected = workloadEndpointName({
      node: text('node'),
      orchestrator: text('orchestrator'),
      workload: text('workload'),
      pod: text('pod'),
      containerID: text('containerID'),
      endpoint: text('endpoint'),
    });
    if ('name' in expected) metadata.name = expected.name;
  }
  setLabels(metadata, {
    'projectcalico.org/namespace': metadata.namespace,
    'projectcalico.org/orchestrator': spec.orchestrator,
  });
}

function fillPolicy(metadata: Fields, spec: Fields): void {
  spec.tier ??= 'default';
  setLabels(metadata, { [tierLabel]: spec.tier });
  const { types } = spec;
  if (types !== undefined && !isEmptyList(types)) return;
  const has = (field: string) => Array.isArray(spec[field]) && spec[field].length > 0;
  spec.types = has('egress') ? (has('ingress') ? ['Ingress', 'Egress'] : ['Egress']) : ['Ingress'];
}

function setLabels(metadata: Fields, labels: Fields): void {
  const present = metadata.labels ?? {};
  if (!isMap(present)) return;
  const strings = Object.entries(labels).filter(([, value]) => typeof value === 'string');
  metadata.labels = { ...present, ...Object.fromEntries(strings) };
}

function isFields(value: unknown): value is Fields {
  return isMap(value);
}

function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}
