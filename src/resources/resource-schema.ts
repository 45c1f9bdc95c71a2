import * as z from 'zod';

/** The only apiVersion of Calico's resources. */
export const apiVersion = 'projectcalico.org/v3';

/** The frame of all kinds. */
export function resource<const Kind extends string, Metadata extends z.ZodType, Spec extends z.ZodType>(
  kind: Kind,
  metadata: Metadata,
  spec: Spec,
) {
  return z.object({ apiVersion: z.literal(apiVersion), kind: z.literal(kind), metadata, spec });
}
