import * as z from 'zod';
import { emptyIsAbsent } from './field.js';
import { clusterMetadata } from './metadata.js';
import { resource } from './resource-schema.js';

const spec = z.object({
  clusterGUID: emptyIsAbsent(z.string()),
  clusterType: emptyIsAbsent(z.string()),
  calicoVersion: emptyIsAbsent(z.string()),
  datastoreReady: z.boolean().optional(),
  variant: emptyIsAbsent(z.string()),
});

/** The ClusterInformation of a datastore, of which there is one, `default`. */
export const clusterInformation = resource(
  'ClusterInformation',
  clusterMetadata('V-NAME', (name) => (name === 'default' ? undefined : "the name must be 'default'")),
  spec,
);

export type ClusterInformation = z.infer<typeof clusterInformation>;
