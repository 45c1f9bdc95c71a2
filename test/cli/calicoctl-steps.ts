import { type Kind, kinds } from '../../src/resources/kinds.js';
import { sample } from '../resources/sample-resources.js';

/** A command that calicoctl and margay are both given, after those before it. */
export interface Step {
  readonly args: readonly string[];
  /** What `-f FILE` is to find there. */
  readonly file?: string;
  /** Why margay's answer is meant to be another one. */
  readonly differs?: string;
}

const api = 'apiVersion: projectcalico.org/v3';
const endpoint = (name: string, rest: string): string =>
  `${api}\nkind: HostEndpoint\nmetadata: {name: ${name}}\nspec: {node: n9, ${rest}}\n`;
const policy = (name: string, rest: string): string =>
  `${api}\nkind: NetworkPolicy\nmetadata: {name: ${name}}\nspec: {${rest}}\n`;
const mixed = [
  endpoint('m1', 'interfaceName: eth0'),
  endpoint('m2', "interfaceName: 'bad name!'"),
  policy('m3', ''),
].join('---\n');

/** Objects that do not depend on others first. */
const order: readonly Kind[] = ['Tier', ...Object.values(kinds).flatMap(({ kind }) => (kind === 'Tier' ? [] : [kind]))];
const written = order.filter((kind) => kind !== 'ClusterInformation');

/** Where a kind's sample is. */
function scope(kind: Kind): string[] {
  const { metadata } = sample(kind) as { metadata: { namespace?: string } };
  return metadata.namespace === undefined ? [] : ['-n', metadata.namespace];
}

function nameOf(kind: Kind): string {
  return (sample(kind) as { metadata: { name: string } }).metadata.name;
}

function read(kind: Kind): Step[] {
  const own = scope(kind);
  // The calicoctl that was recorded panics when it prints these.
  const panics = kind === 'WorkloadEndpoint' || kind === 'StagedKubernetesNetworkPolicy';
  return [
    { args: ['get', kind, ...own] },
    ...(panics ? [] : [{ args: ['get', kind.toLowerCase(), ...own, '-o', 'wide'] }]),
    { args: ['get', kind, nameOf(kind), ...own, '-o', 'json'] },
    { args: ['get', kind, nameOf(kind), ...own, '-o', 'yaml'] },
    { args: ['get', kind, ...own, '-o', 'json'] },
  ];
}

/** In an empty datastore, one after the other. */
export const steps: readonly Step[] = [
  { args: ['get', 'hep'] },
  { args: ['get', 'profiles', '-o', 'wide'] },
  ...written.map((kind): Step => ({ args: ['create', '-f', 'FILE'], file: JSON.stringify(sample(kind)) })),
  ...written.flatMap(read),
  { args: ['get', 'np', '-A'] },
  { args: ['get', 'tiers'] },
  { args: ['get', 'hep', 'h1', 'nowhere'] },
  { args: ['get', 'hep', 'nowhere'] },
  { args: ['get', 'np', 'n1'] },
  { args: ['get', 'hep', '-n', 'x'], differs: 'a usage error: 2' },
  { args: ['get', 'np', '-n', 'x', '-A'], differs: 'a usage error: 2' },
  { args: ['get', 'nonsense'], differs: 'a usage error: 2' },
  { args: ['get', 'ippools'], differs: 'Margay has no use for the kind' },
  { args: ['create', '-f', 'FILE'], file: JSON.stringify(sample('HostEndpoint')) },
  { args: ['create', '-f', 'FILE', '--skip-exists'], file: JSON.stringify(sample('HostEndpoint')) },
  { args: ['apply', '-f', 'FILE'], file: JSON.stringify(sample('HostEndpoint')) },
  { args: ['replace', '-f', 'FILE'], file: JSON.stringify(sample('HostEndpoint')) },
  {
    args: ['replace', '-f', 'FILE'],
    file: endpoint('m0', 'interfaceName: eth0'),
    differs: 'no partial success of nothing',
  },
  { args: ['apply', '-f', 'FILE'], file: mixed, differs: 'the others are told, too' },
  { args: ['get', 'hep'] },
  { args: ['apply', '-f', 'FILE'], file: endpoint('m5', 'interfacName: eth0') },
  { args: ['apply', '-f', 'FILE'], file: `${api}\nkind: Nonsense\nmetadata: {name: x}\n` },
  { args: ['apply', '-f', 'FILE'], file: 'kind: [HostEndpoint\n' },
  { args: ['apply', '-f', 'FILE'], file: policy('p', 'tier: nowhere') },
  { args: ['apply', '-f', 'FILE', '-n', 'x'], file: endpoint('m5', 'interfaceName: eth0') },
  { args: ['apply', '-f', 'FILE', '-n', 'x'], file: policy('p', '').replace('name: p', 'name: p, namespace: other') },
  { args: ['apply', '-f', 'FILE', '-n', 'x'], file: policy('p', '') },
  { args: ['get', 'networkpolicies', '--all-namespaces', '-o', 'wide'] },
  { args: ['patch', 'hep', 'm1', '-p', '{"metadata":{"labels":{"a":"b"}},"spec":{"interfaceName":"eth7"}}'] },
  { args: ['patch', 'hep', 'm1', '-p', '{"spec":{"profiles":["p"],"expectedIPs":["10.9.9.9"]}}', '-t', 'json'] },
  { args: ['patch', 'hep', 'm1', '-p', '{"spec":{"expectedIPs":null}}', '--type=merge'] },
  { args: ['patch', 'hep', 'm1', '-p', '{"spec":{"nodee":"x"}}'] },
  { args: ['patch', 'hep', 'm1', '-p', '{"spec":{"node":""}}'] },
  { args: ['patch', 'hep', 'm1', '-p', '{"metadata":{"resourceVersion":"1"}}'] },
  { args: ['patch', 'hep', 'nowhere', '-p', '{"spec":{}}'] },
  { args: ['patch', 'hep', 'm1', '-p', 'nonsense'] },
  { args: ['patch', 'tier', 'default', '-p', '{"spec":{"order":5}}'] },
  { args: ['get', 'hep', 'm1', '-o', 'json'] },
  { args: ['patch', 'np', 'n1', '-n', 'prod', '-p', '{"spec":{"egress":null,"types":null,"tier":"default"}}'] },
  { args: ['get', 'np', 'n1', '-n', 'prod', '-o', 'yaml'] },
  { args: ['delete', 'tier', 'default'] },
  { args: ['delete', 'tier', 't1'] },
  { args: ['delete', 'profile', 'projectcalico-default-allow'] },
  { args: ['apply', '-f', 'FILE'], file: `${api}\nkind: Profile\nmetadata: {name: projectcalico-default-allow}\n` },
  { args: ['create', '-f', 'FILE'], file: `${api}\nkind: Profile\nmetadata: {name: projectcalico-default-allow}\n` },
  { args: ['delete', '-f', 'FILE'], file: policy('knp.default.x', ''), differs: 'named as other objects are' },
  { args: ['delete', 'hep', 'm1', 'nowhere'] },
  { args: ['delete', 'hep', 'nowhere'] },
  { args: ['delete', 'hep', 'nowhere', '--skip-not-exists'] },
  { args: ['delete', '-f', 'FILE'], file: JSON.stringify(sample('GlobalNetworkSet')) },
  { args: ['delete', '-f', 'FILE'], file: JSON.stringify(sample('GlobalNetworkSet')) },
  { args: ['delete', 'node', 'n1'] },
  { args: ['get', 'hep'] },
  { args: ['get', 'wep', '-A'] },
];

/** What a program answered. */
export interface Answer {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Without what differs from run to run: identities, versions, times. Times always in quotes: tap takes timestamps from
 * the YAML library, so that they are printed without.
 */
export function steady(text: string): string {
  return text
    .replace(/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g, 'UID')
    .replace(/\b[0-9a-f]{32}\b/g, 'GUID')
    .replace(/"?\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"?/g, '"TIME"')
    .replace(/("?resourceVersion"?: )"?[0-9a-f]+"?/g, '$1"VERSION"');
}
