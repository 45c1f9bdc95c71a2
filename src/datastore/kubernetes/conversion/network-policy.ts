import { cidrText, parseCidr } from '../../../resources/address.js';
import { isMap } from '../../../resources/normalise.js';
import type { Issue, Path } from '../../../resources/resource.js';
import { type Conversion, calicoVersion, conversionIssue } from './conversion.js';
import { namespaceSelector, podSelector } from './label-selector.js';
import { listIn, mapIn, type Native, present, textIn, textListIn } from './native.js';
import { policyPorts } from './policy-ports.js';
import { reverseUid } from './reverse-uid.js';

type Direction = 'ingress' | 'egress';

/** Where policies of Kubernetes stand in the tier `default`. */
const order = 1000;

/**
 * A NetworkPolicy of Kubernetes as a policy of Calico. What can't be converted of a rule makes that rule void: rules of Kubernetes
 * only allow, so nothing is opened by it. A pod selector that can't be converted makes the policy invalid.
 */
export function kubernetesNetworkPolicy(policy: Native): Conversion {
  const metadata = mapIn(policy, 'metadata');
  const spec = mapIn(policy, 'spec');
  const name = textIn(metadata, 'name') ?? '';
  const namespace = textIn(metadata, 'namespace') ?? '';
  const key = { kind: 'KubernetesNetworkPolicy', namespace, name };
  const pods = podSelector(mapIn(spec, 'podSelector'));
  if (pods.selector === undefined)
    return { is: 'invalid', key, issues: [conversionIssue(['spec', 'podSelector'], pods.problem)] };
  const warnings: Issue[] = [];
  const uid = textIn(metadata, 'uid');
  const value = {
    apiVersion: calicoVersion,
    kind: key.kind,
    metadata: present({
      name,
      namespace,
      uid: uid === undefined ? undefined : reverseUid(uid),
      creationTimestamp: textIn(metadata, 'creationTimestamp'),
    }),
    spec: {
      tier: 'default',
      order,
      selector: pods.selector,
      ingress: directionRules(spec, 'ingress', warnings),
      egress: directionRules(spec, 'egress', warnings),
      types: policyTypes(spec, warnings),
    },
  };
  return { is: 'object', key, value, warnings };
}

function policyTypes(spec: Native, warnings: Issue[]): string[] {
  const written = textListIn(spec, 'policyTypes');
  const types = ['Ingress', 'Egress'].filter((type) => written.includes(type));
  if (!types.includes('Egress') && listIn(spec, 'egress').length > 0)
    warnings.push(
      conversionIssue(['spec', 'egress'], "has rules, but policyTypes does not list 'Egress'; they do nothing"),
    );
  return types.length > 0 ? types : ['Ingress'];
}

function directionRules(spec: Native, direction: Direction, warnings: Issue[]): Native[] {
  return listIn(spec, direction).flatMap((rule, index) =>
    calicoRules(rule, direction, ['spec', direction, index], warnings),
  );
}

/** One for each protocol and peer. */
function calicoRules(rule: unknown, direction: Direction, path: Path, warnings: Issue[]): Native[] {
  const protocols = policyPorts(listIn(rule, 'ports').filter(isMap));
  if (typeof protocols === 'string') {
    warnings.push(conversionIssue([...path, 'ports'], `${protocols}; the rule is left out`));
    return [];
  }
  const field = direction === 'ingress' ? 'from' : 'to';
  const peers = listIn(rule, field).flatMap((peer, index) => calicoPeer(peer, [...path, field, index], warnings));
  const anybody = listIn(rule, field).length === 0;
  return protocols.flatMap(({ protocol, ports }) =>
    (anybody ? [{}] : peers).map((peer) => {
      const destination = direction === 'ingress' ? present({ ports }) : present({ ports, ...peer });
      return present({
        action: 'Allow',
        protocol,
        source: direction === 'ingress' ? unlessEmpty(peer) : undefined,
        destination: unlessEmpty(destination),
      });
    }),
  );
}

/** The part of a rule that is about the other side; nothing if it can't be told, for no fields would mean everybody. */
function calicoPeer(peer: unknown, path: Path, warnings: Issue[]): Native[] {
  const leftOut = (where: Path, message: string): Native[] => {
    warnings.push(conversionIssue(where, `${message}; the rule for this peer is left out`));
    return [];
  };
  if (!isMap(peer)) return leftOut(path, 'is no peer');
  if (isMap(peer.ipBlock)) return calicoNets(peer.ipBlock, [...path, 'ipBlock'], leftOut);
  if (!isMap(peer.podSelector) && !isMap(peer.namespaceSelector))
    return leftOut(path, 'has neither podSelector nor namespaceSelector nor ipBlock');
  const pods = podSelector(mapIn(peer, 'podSelector'));
  if (pods.selector === undefined) return leftOut([...path, 'podSelector'], pods.problem);
  if (!isMap(peer.namespaceSelector)) return [{ selector: pods.selector }];
  const namespaces = namespaceSelector(peer.namespaceSelector);
  if (namespaces.selector === undefined) return leftOut([...path, 'namespaceSelector'], namespaces.problem);
  return [{ selector: pods.selector, namespaceSelector: namespaces.selector }];
}

function calicoNets(block: Native, path: Path, leftOut: (where: Path, message: string) => Native[]): Native[] {
  const nets = [];
  for (const text of [textIn(block, 'cidr') ?? '', ...listIn(block, 'except').map(String)]) {
    const cidr = parseCidr(text);
    if (!cidr?.hadMask) return leftOut(path, `'${text}' is no network`);
    nets.push(cidrText(cidr));
  }
  const [net, ...notNets] = nets;
  return [present({ nets: [net], notNets: notNets.length > 0 ? notNets : undefined })];
}

function unlessEmpty(entity: Native): Native | undefined {
  return Object.keys(entity).length > 0 ? entity : undefined;
}
