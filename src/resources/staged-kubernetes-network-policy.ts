import * as z from 'zod';
import {
  absentIsEmpty,
  alwaysPrinted,
  emptyIsAbsent,
  fieldRoles,
  type RefinementContext,
  report,
  wordOrNumber,
} from './field.js';
import { namespacedMetadata } from './metadata.js';
import { resourceNameProblem } from './name.js';
import { stagedAction } from './policy.js';
import { resource } from './resource-schema.js';

const requirement = z.object({
  key: absentIsEmpty(),
  operator: absentIsEmpty(),
  values: emptyIsAbsent(z.array(z.string())),
});

const labelSelector = z.object({
  matchLabels: emptyIsAbsent(z.record(z.string(), z.string())),
  matchExpressions: emptyIsAbsent(z.array(requirement)),
});

const peer = z.object({
  podSelector: labelSelector.optional(),
  namespaceSelector: labelSelector.optional(),
  ipBlock: z.object({ cidr: absentIsEmpty(), except: emptyIsAbsent(z.array(z.string())) }).optional(),
});

const peers = emptyIsAbsent(z.array(peer));

const port = z
  .object({
    protocol: z.string().optional(),
    port: wordOrNumber('a port or a port name').register(fieldRoles, { role: 'int-or-string' }).optional(),
    endPort: z.int32().optional(),
  })
  .superRefine((value, context) => checkPort(value, context));

const spec = z
  .object({
    stagedAction: emptyIsAbsent(stagedAction),
    podSelector: alwaysPrinted(labelSelector, {}),
    ingress: z.array(z.object({ ports: z.array(port).optional(), from: peers })).optional(),
    egress: z.array(z.object({ ports: z.array(port).optional(), to: peers })).optional(),
    policyTypes: z.array(z.string()).optional(),
  })
  .superRefine((value, context) => {
    if (value.stagedAction !== 'Delete') return;
    for (const [field, content] of Object.entries(value)) {
      if (field === 'stagedAction' || content === undefined || isEmptySelector(field, content)) continue;
      report(context, 'V-STG-1', [field], `${field} must not be set when stagedAction is Delete`);
    }
  });

/** A StagedKubernetesNetworkPolicy; it is never enforced. */
export const stagedKubernetesNetworkPolicy = resource(
  'StagedKubernetesNetworkPolicy',
  namespacedMetadata('V-NAME-SKNP', resourceNameProblem),
  spec,
);

export type StagedKubernetesNetworkPolicy = z.infer<typeof stagedKubernetesNetworkPolicy>;

/** V-STG-2: what Calico's conversion of a Kubernetes policy refuses. */
function checkPort(
  { port, endPort }: { port?: string | number | undefined; endPort?: number | undefined },
  context: RefinementContext,
): void {
  const numeric = typeof port === 'number' || (typeof port === 'string' && /^\d+$/.test(port));
  if (numeric && Number(port) > 65535) report(context, 'V-STG-2', ['port'], `port ${port} is greater than 65535`);
  if (endPort === undefined || port === undefined) return;
  if (!numeric) report(context, 'V-STG-2', ['endPort'], 'endPort needs a numeric port');
  else if (endPort < Number(port))
    report(context, 'V-STG-2', ['endPort'], `endPort ${endPort} is less than port ${port}`);
  else if (endPort > 65535) report(context, 'V-STG-2', ['endPort'], `endPort ${endPort} is greater than 65535`);
}

function isEmptySelector(field: string, content: unknown): boolean {
  return (
    field === 'podSelector' && typeof content === 'object' && content !== null && Object.keys(content).length === 0
  );
}
