import type { Circumstance, Decider } from '../../evaluate/verdict.js';
import { printable } from '../printable.js';

/** `GlobalNetworkPolicy p1 ingress[0]`: what the comment of the rule says in the table. Undefined: it is no rule of a resource. */
export function ruleText({ kind, namespace, name, direction, rule }: Decider): string | undefined {
  if (typeof rule !== 'number') return undefined;
  return printable(`${kind} ${objectName({ namespace, name })} ${direction}[${rule}]`);
}

/** What decided, as in `denied by …`. */
export function deciderText(by: Decider): string {
  if (typeof by.rule === 'number') return ruleText(by) ?? '';
  return printable(circumstances[by.rule](by));
}

export function objectName({
  namespace,
  name,
}: {
  readonly namespace?: string | undefined;
  readonly name: string;
}): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}

const of = (by: Decider) => `${by.kind} ${objectName(by)}`;

const circumstances: Readonly<Record<Circumstance, (by: Decider) => string>> = {
  established: () => 'conntrack: it belongs to an open connection',
  related: () => 'conntrack: it is related to an open connection',
  invalid: () => 'conntrack: it is invalid, and belongs to no connection',
  failsafe: (by) => `a failsafe port (${by.name})`,
  'neighbour discovery': () => 'the exemption of IPv6 neighbour discovery',
  'end of tier': (by) => `the end of tier ${by.name}: none of its rules matched`,
  missing: (by) => `${of(by)}, which does not exist`,
  'end of profiles': (by) => `${of(by)}: no tier and no profile allows it`,
  'no forward policy': (by) => `${of(by)}: it has no policy with applyOnForward`,
  'not a source of this workload': (by) => `${of(by)}: the source is not one of its addresses`,
  encapsulated: (by) => `${of(by)}: workloads must not send VXLAN or IP-in-IP`,
  'unknown workload interface': (by) =>
    `interface ${by.name}: it has the name of a workload's, and no WorkloadEndpoint`,
  'host to workload': (by) => `the exemption of what the host sends to its workloads (${by.name})`,
  Drop: () => 'defaultEndpointToHostAction Drop',
  Accept: () => 'defaultEndpointToHostAction Accept',
  Return: () => 'defaultEndpointToHostAction Return',
};
