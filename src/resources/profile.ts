import * as z from 'zod';
import { report } from './field.js';
import { clusterMetadata, labels } from './metadata.js';
import { resourceNameProblem } from './name.js';
import { resource } from './resource-schema.js';
import { rules } from './rule.js';

const spec = z.object({
  ingress: rules({ direction: 'ingress', owner: 'profile' }).optional(),
  egress: rules({ direction: 'egress', owner: 'profile' }).optional(),
  labelsToApply: labels.optional(),
});

/** The profile that every datastore shows and none stores. */
export const defaultAllowName = 'projectcalico-default-allow';

/** Any profile, also the built-in one. */
export const anyProfile = resource('Profile', clusterMetadata('V-NAME', resourceNameProblem), spec);

/** A profile as users write it. */
export const profile = anyProfile.superRefine(({ metadata }, context) => {
  if (metadata.name === defaultAllowName)
    report(
      context,
      'V-PROF-RESERVED',
      ['metadata', 'name'],
      `${defaultAllowName} is built in and can't be defined or changed`,
    );
});

export type Profile = z.infer<typeof anyProfile>;
