import * as z from 'zod';
import { alwaysPrinted, oneOf, report } from './field.js';
import { clusterMetadata } from './metadata.js';
import { tierNameProblem } from './name.js';
import { order } from './policy.js';
import { resource } from './resource-schema.js';

/** What a tier without order has, for files and Kubernetes. */
export const defaultTierOrder = 1_000_000;

const fixed: Readonly<
  Record<string, { readonly order: number; readonly defaultAction: 'Deny' | 'Pass'; readonly code: string }>
> = {
  default: { order: defaultTierOrder, defaultAction: 'Deny', code: 'V-TIER-1' },
  'kube-admin': { order: 1000, defaultAction: 'Pass', code: 'V-TIER-2' },
  'kube-baseline': { order: 10_000_000, defaultAction: 'Pass', code: 'V-TIER-3' },
};

const spec = z.object({ order: order.optional(), defaultAction: oneOf('V-TIER-ACTION', 'Pass', 'Deny').optional() });

export const tier = resource('Tier', clusterMetadata('V-NAME-TIER', tierNameProblem), spec)
  .extend({ status: alwaysPrinted(z.object({ conditions: z.array(z.unknown()).optional() }), {}) })
  .superRefine(({ metadata, spec }, context) => {
    const known = Object.hasOwn(fixed, metadata.name) ? fixed[metadata.name] : undefined;
    if (known === undefined) return;
    const { order = defaultTierOrder, defaultAction = 'Deny' } = spec;
    if (order !== known.order)
      report(context, known.code, ['spec', 'order'], `the order of tier ${metadata.name} must be ${known.order}`);
    if (defaultAction !== known.defaultAction)
      report(
        context,
        known.code,
        ['spec', 'defaultAction'],
        `the default action of tier ${metadata.name} must be ${known.defaultAction}`,
      );
  });

export type Tier = z.infer<typeof tier>;

/** The tiers that an initialised datastore has (Calico's client makes them); a directory of files need not hold them. */
export const initialTiers: readonly Tier[] = Object.entries(fixed).map(([name, { order, defaultAction }]) => ({
  apiVersion: 'projectcalico.org/v3',
  kind: 'Tier',
  metadata: { name },
  spec: { order, defaultAction },
}));
