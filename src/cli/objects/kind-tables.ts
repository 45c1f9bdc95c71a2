import type { StoredObject } from '../../datastore/store.js';
import type { Kind } from '../../resources/kinds.js';
import { isMap } from '../../resources/normalise.js';
import { fieldAt, textAt, textOf } from './object-fields.js';

/** A column of the table of a kind. */
export interface Column {
  readonly heading: string;
  readonly value: (object: StoredObject) => string;
  /** In the wide table only. */
  readonly wide?: true;
}

const name: Column = { heading: 'NAME', value: ({ metadata }) => metadata.name };

const policy: readonly Column[] = [
  name,
  field('TIER', 'spec.tier'),
  wide('ORDER', 'spec.order'),
  wide('SELECTOR', 'spec.selector'),
];
const networkSet: readonly Column[] = [name, { heading: 'NETS', value: nets, wide: true }];

/** The columns that calicoctl has for a kind. */
export const kindTables: { readonly [K in Kind]: readonly Column[] } = {
  HostEndpoint: [
    name,
    field('NODE', 'spec.node'),
    wide('INTERFACE', 'spec.interfaceName'),
    wide('IPS', 'spec.expectedIPs'),
    wide('PROFILES', 'spec.profiles'),
  ],
  WorkloadEndpoint: [
    { ...name, wide: true },
    { heading: 'WORKLOAD', value: (object) => textAt(object, 'spec.workload') || textAt(object, 'spec.pod') },
    field('NODE', 'spec.node'),
    field('NETWORKS', 'spec.ipNetworks'),
    field('INTERFACE', 'spec.interfaceName'),
    wide('PROFILES', 'spec.profiles'),
    { heading: 'NATS', value: nats, wide: true },
  ],
  Profile: [name, wide('LABELS', 'spec.labelsToApply')],
  GlobalNetworkPolicy: policy,
  NetworkPolicy: policy,
  StagedNetworkPolicy: policy,
  StagedGlobalNetworkPolicy: policy,
  StagedKubernetesNetworkPolicy: [name, { heading: 'PODSELECTOR', value: podSelector, wide: true }],
  Tier: [name, field('ORDER', 'spec.order')],
  NetworkSet: networkSet,
  GlobalNetworkSet: networkSet,
  FelixConfiguration: [name],
  Node: [
    name,
    { heading: 'ASN', value: asNumber, wide: true },
    wide('IPV4', 'spec.bgp.ipv4Address'),
    wide('IPV6', 'spec.bgp.ipv6Address'),
  ],
  ClusterInformation: [
    name,
    field('CLUSTERGUID', 'spec.clusterGUID'),
    field('CLUSTERTYPE', 'spec.clusterType'),
    field('CALICOVERSION', 'spec.calicoVersion'),
    field('DATASTOREREADY', 'spec.datastoreReady'),
  ],
};

function field(heading: string, path: string): Column {
  return { heading, value: (object) => textAt(object, path) };
}

function wide(heading: string, path: string): Column {
  return { ...field(heading, path), wide: true };
}

/** A set can have thousands. */
const longestNets = 80;

function nets(object: StoredObject): string {
  const text = textAt(object, 'spec.nets');
  return text.length <= longestNets ? text : `${text.slice(0, longestNets - 3)}...`;
}

function nats(object: StoredObject): string {
  const all = fieldAt(object, 'spec.ipNATs');
  if (!Array.isArray(all)) return '';
  return all.map((nat) => `${textAt(nat, 'internalIP')}=${textAt(nat, 'externalIP')}`).join(',');
}

/** In brackets: what Calico takes where a Node has none. */
function asNumber(object: StoredObject): string {
  if (fieldAt(object, 'spec.bgp') === undefined) return '';
  return textAt(object, 'spec.bgp.asNumber') || '(64512)';
}

function podSelector(object: StoredObject): string {
  const labels = textAt(object, 'spec.podSelector.matchLabels');
  const expressions = fieldAt(object, 'spec.podSelector.matchExpressions');
  const texts = Array.isArray(expressions) ? expressions.map(expressionText) : [];
  return [...(labels === '' ? [] : [labels]), ...texts].join(',');
}

function expressionText(expression: unknown): string {
  if (!isMap(expression)) return '';
  const { key, operator, values } = expression;
  return `${textOf(key)} ${textOf(operator)}${Array.isArray(values) ? ` (${textOf(values)})` : ''}`;
}
