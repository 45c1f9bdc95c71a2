import * as z from 'zod';
import { type RefinementContext, report } from './field.js';
import { clusterMetadata, namespacedMetadata } from './metadata.js';
import { resourceNameProblem } from './name.js';
import { cidrOrEmpty } from './net-fields.js';
import { resource } from './resource-schema.js';

const spec = z.object({ nets: z.array(cidrOrEmpty('V-CIDR')).optional() });

/** A NetworkSet, by the rules V-NS of Calico's validation. */
export const networkSet = resource('NetworkSet', namespacedMetadata('V-NAME', resourceNameProblem), spec).superRefine(
  checkLabels,
);

export const globalNetworkSet = resource(
  'GlobalNetworkSet',
  clusterMetadata('V-NAME', resourceNameProblem),
  spec,
).superRefine(checkLabels);

export type NetworkSet = z.infer<typeof networkSet>;
export type GlobalNetworkSet = z.infer<typeof globalNetworkSet>;

/** Calico sets this label from the namespace; written by hand it would let a set pose as part of another namespace. */
const reservedLabel = 'projectcalico.org/namespace';

function checkLabels(
  { metadata }: { readonly metadata: { readonly labels?: Readonly<Record<string, string>> | undefined } },
  context: RefinementContext,
): void {
  if (metadata.labels !== undefined && Object.hasOwn(metadata.labels, reservedLabel))
    report(
      context,
      'V-NS-1',
      ['metadata', 'labels', reservedLabel],
      `${reservedLabel} is not a valid label name of a network set`,
    );
}
