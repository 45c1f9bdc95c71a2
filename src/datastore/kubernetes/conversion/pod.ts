import { hash } from 'node:crypto';
import { parseAddress, parseCidr } from '../../../resources/address.js';
import type { Issue } from '../../../resources/resource.js';
import { workloadEndpointName } from '../../../resources/workload-endpoint-name.js';
import { type Conversion, calicoVersion, conversionIssue, nothing } from './conversion.js';
import { listIn, mapIn, type Native, numberIn, parsedJson, present, textIn, textsIn } from './native.js';
import { isFinished, podAddresses } from './pod-addresses.js';
import { podQos } from './pod-qos.js';
import { namespaceProfileName, serviceAccountProfileName } from './profile.js';

export interface PodOptions {
  /** What the names of workload interfaces begin with: the first of FELIX_INTERFACEPREFIX. */
  readonly interfacePrefix: string;
}

const namespaceLabel = 'projectcalico.org/namespace';
const orchestratorLabel = 'projectcalico.org/orchestrator';
const serviceAccountLabel = 'projectcalico.org/serviceaccount';
const floatingIPs = 'cni.projectcalico.org/floatingIPs';
const spoofablePrefixes = 'cni.projectcalico.org/allowedSourcePrefixes';
const networkStatus = 'k8s.v1.cni.cncf.io/network-status';

const protocols: ReadonlyMap<string, string> = new Map([
  ['', 'TCP'],
  ['TCP', 'TCP'],
  ['UDP', 'UDP'],
  ['SCTP', 'SCTP'],
]);

/** The WorkloadEndpoint of a pod with a network and an address of its own; other pods are nothing to a policy. */
export function podToWorkloadEndpoint(pod: Native, options: PodOptions): Conversion {
  if (!isWorkload(pod) || isFinished(pod)) return nothing;
  const addresses = podAddresses(pod);
  return addresses.networks?.length === 0 ? nothing : workloadEndpoint(pod, addresses, options);
}

/** As `podToWorkloadEndpoint`, but also of pods that have no address, not yet or no more: as calicoctl lists them. */
export function podToListedEndpoint(pod: Native, options: PodOptions): Conversion {
  if (!isWorkload(pod)) return nothing;
  return workloadEndpoint(pod, isFinished(pod) ? { networks: [] } : podAddresses(pod), options);
}

/** The name of the interface on the host's side of a pod, which Calico's CNI plugin makes. */
export function podInterface(namespace: string, name: string, prefix: string): string {
  return prefix + hash('sha1', `${namespace}.${name}`, 'hex').slice(0, 11);
}

function isWorkload(pod: Native): boolean {
  const spec = mapIn(pod, 'spec');
  return spec.hostNetwork !== true && textIn(spec, 'nodeName') !== undefined;
}

function workloadEndpoint(
  pod: Native,
  { networks, issues }: ReturnType<typeof podAddresses>,
  { interfacePrefix }: PodOptions,
): Conversion {
  const metadata = mapIn(pod, 'metadata');
  const spec = mapIn(pod, 'spec');
  const annotations = textsIn(metadata, 'annotations');
  const podName = textIn(metadata, 'name') ?? '';
  const namespace = textIn(metadata, 'namespace') ?? '';
  const identity = { orchestrator: 'k8s', node: textIn(spec, 'nodeName') ?? '', pod: podName, endpoint: 'eth0' };
  const named = workloadEndpointName(identity);
  if ('problems' in named) {
    const key = { kind: 'WorkloadEndpoint', namespace, name: podName };
    return {
      is: 'invalid',
      key,
      issues: named.problems.map(({ message }) => conversionIssue(['spec', 'nodeName'], message)),
    };
  }
  const key = { kind: 'WorkloadEndpoint', namespace, name: named.name };
  if (issues !== undefined) return { is: 'invalid', key, issues };
  const serviceAccount = textIn(spec, 'serviceAccountName');
  const nats = podNats(annotations, networks);
  const spoofable = podSpoofablePrefixes(annotations);
  const qos = podQos(annotations);
  const value = {
    apiVersion: calicoVersion,
    kind: 'WorkloadEndpoint',
    metadata: present({
      name: named.name,
      namespace,
      generateName: textIn(metadata, 'generateName'),
      uid: textIn(metadata, 'uid'),
      creationTimestamp: textIn(metadata, 'creationTimestamp'),
      labels: podLabels(metadata, namespace, serviceAccount),
      annotations:
        annotations[networkStatus] === undefined ? undefined : { [networkStatus]: annotations[networkStatus] },
    }),
    spec: present({
      // Spread, it would be an object of 3 KB that outlives the young generation.
      orchestrator: identity.orchestrator,
      node: identity.node,
      pod: identity.pod,
      endpoint: identity.endpoint,
      containerID: annotations['cni.projectcalico.org/containerID'] || undefined,
      interfaceName: podInterface(namespace, podName, interfacePrefix),
      ipNetworks: networks,
      profiles: [
        namespaceProfileName(namespace),
        ...(serviceAccount === undefined ? [] : [serviceAccountProfileName(namespace, serviceAccount)]),
      ],
      serviceAccountName: serviceAccount,
      ports: unlessEmpty([...podPorts(spec, 'containers'), ...podPorts(spec, 'initContainers')]),
      ipNATs: unlessEmpty(nats.value),
      allowSpoofedSourcePrefixes: unlessEmpty(spoofable.value),
      qosControls: qos.controls,
    }),
  };
  return { is: 'object', key, value, warnings: [...nats.warnings, ...spoofable.warnings, ...qos.warnings] };
}

function podLabels(
  metadata: Native,
  namespace: string,
  serviceAccount: string | undefined,
): Readonly<Record<string, string>> {
  const labels: Record<string, string> = {};
  for (const [key, value] of Object.entries(textsIn(metadata, 'labels'))) labels[key] = value;
  labels[namespaceLabel] = namespace;
  labels[orchestratorLabel] = 'k8s';
  // Longer names are no values of labels; policy takes the account from the spec.
  if (serviceAccount !== undefined && serviceAccount.length < 63) labels[serviceAccountLabel] = serviceAccount;
  return labels;
}

function podPorts(spec: Native, containers: 'containers' | 'initContainers'): Native[] {
  return listIn(spec, containers).flatMap((container) =>
    listIn(container, 'ports').flatMap((port) => {
      const number = numberIn(port, 'containerPort') ?? 0;
      const hostPort = numberIn(port, 'hostPort') || undefined;
      const name = textIn(port, 'name');
      const protocol = protocols.get(textIn(port, 'protocol') ?? '');
      if (number === 0 || (hostPort === undefined && name === undefined) || protocol === undefined) return [];
      return [present({ name, protocol, port: number, hostPort, hostIP: textIn(port, 'hostIP') })];
    }),
  );
}

interface FromAnnotation<Value> {
  readonly value: readonly Value[];
  readonly warnings: readonly Issue[];
}

/** Addresses that stand for the pod's own; what can't be read is left out, which opens nothing. */
function podNats(annotations: Readonly<Record<string, string>>, networks: readonly string[]): FromAnnotation<Native> {
  return fromAnnotation(annotations, floatingIPs, 'no IP address; there is no NAT for it', (text) => {
    const external = parseAddress(text);
    if (external === undefined) return undefined;
    const own = networks.map(parseCidr).find((network) => network?.family === external.family);
    return own === undefined ? [] : [{ internalIP: own.address, externalIP: text }];
  });
}

/** Sources besides its own that the pod may use; without what can't be read it may use fewer. */
function podSpoofablePrefixes(annotations: Readonly<Record<string, string>>): FromAnnotation<string> {
  return fromAnnotation(annotations, spoofablePrefixes, 'no network; the pod may not use it as a source', (text) => {
    const cidr = parseCidr(text);
    return cidr?.hadMask ? [`${cidr.address}/${cidr.length}`] : undefined;
  });
}

/** Each text of a JSON list in an annotation by `read`, which answers undefined for what can't be read. */
function fromAnnotation<Value>(
  annotations: Readonly<Record<string, string>>,
  key: string,
  problem: string,
  read: (text: string) => readonly Value[] | undefined,
): FromAnnotation<Value> {
  const text = annotations[key];
  if (text === undefined || text === '') return { value: [], warnings: [] };
  const issue = (message: string): Issue => conversionIssue(['metadata', 'annotations', key], message);
  const list = parsedJson(text);
  if (!Array.isArray(list)) return { value: [], warnings: [issue('must be a list in JSON; it is ignored')] };
  const value: Value[] = [];
  const warnings: Issue[] = [];
  for (const item of list) {
    const found = typeof item === 'string' ? read(item) : undefined;
    if (found === undefined) warnings.push(issue(`${JSON.stringify(item)} is ${problem}`));
    else value.push(...found);
  }
  return { value, warnings };
}

function unlessEmpty<Item>(list: readonly Item[]): readonly Item[] | undefined {
  return list.length > 0 ? list : undefined;
}
