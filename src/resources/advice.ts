import type { Resource, Rule } from './kinds.js';
import { pathText } from './path.js';
import type { Issue } from './resource.js';

const reservedHostLabel = /^(?:projectcalico\.org\/(?:namespace|serviceaccount)$|pcns\.|pcsa\.)/;

/** What is valid and still likely not meant. */
export function adviceOn(resource: Resource): Issue[] {
  switch (resource.kind) {
    case 'HostEndpoint':
      return hostLabels(resource.metadata.labels ?? {});
    case 'GlobalNetworkPolicy':
    case 'NetworkPolicy':
    case 'StagedGlobalNetworkPolicy':
    case 'StagedNetworkPolicy':
    case 'Profile':
      return [...httpRules('ingress', resource.spec.ingress), ...httpRules('egress', resource.spec.egress)];
    case 'FelixConfiguration':
      return resource.spec.nftablesMode === 'Disabled'
        ? [
            {
              path: 'spec.nftablesMode',
              code: 'nftables-only',
              message: 'Margay works with nftables only; Disabled is taken as Enabled',
            },
          ]
        : [];
    default:
      return [];
  }
}

function hostLabels(labels: Readonly<Record<string, string>>): Issue[] {
  return Object.keys(labels)
    .filter((key) => reservedHostLabel.test(key))
    .map((key) => ({
      path: pathText(['metadata', 'labels', key]),
      code: 'namespace-label',
      message: `label ${key} is ignored on a host endpoint: it would make policy of namespaces and service accounts apply to the host`,
    }));
}

/** Calico's agent does the same: the clause is for a proxy, and the packet filter can't look at it. */
function httpRules(direction: string, rules: readonly Rule[] = []): Issue[] {
  return rules.flatMap((rule, index) =>
    rule.http === undefined
      ? []
      : [
          {
            path: pathText(['spec', direction, index, 'http']),
            code: 'http-ignored',
            message: 'http is not enforced: the rule allows all traffic that its other fields match',
          },
        ],
  );
}
