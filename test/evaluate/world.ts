import { evaluator } from '../../src/evaluate/evaluate.js';
import type { Packet } from '../../src/evaluate/packet.js';
import type { Verdict } from '../../src/evaluate/verdict.js';
import { derivedKindOf } from '../../src/resources/kinds.js';
import { calculate, interfaces, NODE, toResource } from '../policy/from-yaml.js';

export type Fields = Readonly<Record<string, unknown>>;

/** The host n1: eth0 and eth1 to the outside, workloads behind cali*. */
export const HOST_INTERFACES = interfaces({
  lo: ['127.0.0.1', '::1'],
  eth0: ['10.0.0.1', 'fd00::1'],
  eth1: ['10.1.0.1'],
  cali0: [],
  cali1: [],
  cali9: [],
});

export const ALLOW_ALL = { profiles: ['projectcalico-default-allow'] };
export const allow = [{ action: 'Allow' }];
export const deny = [{ action: 'Deny' }];

export function object(kind: string, name: string, spec: Fields, metadata: Fields = {}): Fields {
  return { apiVersion: 'projectcalico.org/v3', kind, metadata: { name, ...metadata }, spec };
}

/** A host endpoint with the label `host: NAME`; `interfaceName` eth0 unless said otherwise. */
export function hep(spec: Fields = {}, name = 'h'): Fields {
  return object('HostEndpoint', name, { node: NODE, interfaceName: 'eth0', ...spec }, { labels: { host: name } });
}

export const wildcard = (spec: Fields = {}) => hep({ interfaceName: '*', ...spec }, 'star');

/** Workload number n: calin, 10.65.0.n, fd65::n, with the label `workload: wn` and all allowed by its profile. */
export function wep(number: number, spec: Fields = {}): Fields {
  const labels = { workload: `w${number}` };
  return object(
    'WorkloadEndpoint',
    '',
    {
      node: NODE,
      orchestrator: 'k8s',
      pod: `w${number}`,
      endpoint: 'eth0',
      interfaceName: `cali${number}`,
      ipNetworks: [`10.65.0.${number}/32`, `fd65::${number}/128`],
      ...ALLOW_ALL,
      ...spec,
    },
    { namespace: 'default', labels },
  );
}

/** A GlobalNetworkPolicy for all endpoints with one of our labels. */
export function gnp(name: string, spec: Fields): Fields {
  return object('GlobalNetworkPolicy', name, { selector: 'has(host) || has(workload)', ...spec });
}

/** One for all host endpoints, and one for workload n. */
export const hostPolicy = (name: string, spec: Fields) => gnp(name, { selector: 'has(host)', ...spec });
export const workloadPolicy = (number: number, name: string, spec: Fields) =>
  gnp(name, { selector: `workload == 'w${number}'`, ...spec });

export const felix = (spec: Fields) => object('FelixConfiguration', 'default', spec);

/** One endpoint slice of the service s of the default namespace. */
export const slice = (spec: Fields) =>
  object('EndpointSlice', 's-1', { service: 's', ...spec }, { namespace: 'default' });

/** What happens to packets where these resources are. */
export function world(...objects: readonly Fields[]): (packet: Packet) => Verdict {
  const { hostPolicy } = calculate(
    objects.map((value) => toResource(value, derivedKindOf(String(value.kind)) ? 'none' : 'client')),
    { on: HOST_INTERFACES },
  );
  const evaluate = evaluator(hostPolicy);
  return (packet) => evaluate(packet, { steps: true });
}

const PROTOCOLS = { tcp: 6, udp: 17, sctp: 132, icmp: 1, icmpv6: 58 } as const;

/** `tcp/80`, `icmp/8.0`, `253`. */
export function traffic(text: string): Pick<Packet, 'protocol'> & Partial<Packet> {
  const [name = '', rest] = text.split('/');
  const protocol = name in PROTOCOLS ? PROTOCOLS[name as keyof typeof PROTOCOLS] : Number(name);
  if (rest === undefined) return { protocol };
  const [first, second] = rest.split('.').map(Number);
  if (protocol === 1 || protocol === 58) return { protocol, icmpType: first, icmpCode: second ?? 0 };
  return { protocol, sourcePort: 50_000, destinationPort: first };
}

const HOSTS = {
  ext: ['10.0.0.9', 'fd00::9', 'eth0'],
  ext1: ['10.1.0.9', 'fd01::9', 'eth1'],
  r: ['10.66.0.2', 'fd66::2', 'eth0'],
  host: ['10.0.0.1', 'fd00::1', ''],
  lo: ['127.0.0.1', '::1', 'lo'],
  w0: ['10.65.0.0', 'fd65::', 'cali0'],
  w1: ['10.65.0.1', 'fd65::1', 'cali1'],
  w2: ['10.65.0.2', 'fd65::2', 'cali2'],
  unknown: ['10.65.0.9', 'fd65::9', 'cali9'],
} as const;

/** `ext > host tcp/80`; `more` is laid over it. */
export function packet(text: string, more: Partial<Packet> = {}): Packet {
  const [from = '', , to = '', what = ''] = text.split(' ');
  const family = more.family ?? (what.startsWith('icmpv6') ? 6 : 4);
  const [source, destination] = [from, to].map((name) => HOSTS[name as keyof typeof HOSTS]);
  if (source === undefined || destination === undefined) throw new Error(text);
  const index = family === 4 ? 0 : 1;
  return {
    family,
    source: source[index],
    destination: destination[index],
    ...(source[2] === '' ? {} : { inInterface: source[2] }),
    ...(destination[2] === '' ? {} : { outInterface: destination[2] }),
    state: 'new',
    ...traffic(what),
    ...more,
  };
}
