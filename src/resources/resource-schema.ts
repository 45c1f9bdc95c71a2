import * as z from 'zod';

/** The only apiVersion of Calico's resources. */
export const apiVersion = 'projectcalico.org/v3';

/** The frame of all kinds. Here and in the schemas fields stand in the order in which Calico prints them. */
export function resource<const Kind extends string, Metadata extends z.ZodType, Spec extends z.ZodType>(
  kind: Kind,
  metadata: Metadata,
  spec: Spec,
) {
  return z.object({ kind: z.literal(kind), apiVersion: z.literal(apiVersion), metadata, spec });
}
