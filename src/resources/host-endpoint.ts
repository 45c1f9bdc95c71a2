import * as z from 'zod';
import { endpointPort } from './endpoint-port.js';
import { emptyIsAbsent, report, text, within } from './field.js';
import { clusterMetadata } from './metadata.js';
import { interfaceNameProblem, nameProblem, resourceNameProblem } from './name.js';
import { address } from './net-fields.js';
import { resource } from './resource-schema.js';

const spec = z
  .object({
    node: text('V-HEP-1', (node) => (node === '' ? 'node must be specified' : within(253, nameProblem)(node))),
    interfaceName: emptyIsAbsent(text('V-HEP-2', interfaceNameProblem)),
    expectedIPs: z.array(address('V-HEP-3')).optional(),
    profiles: z.array(text('V-HEP-5', nameProblem)).optional(),
    ports: z.array(endpointPort).optional(),
  })
  .superRefine(({ interfaceName, expectedIPs }, context) => {
    if (interfaceName === undefined && (expectedIPs ?? []).length === 0)
      report(context, 'V-HEP-6', [], 'at least one of interfaceName or expectedIPs must be specified');
  });

/** A HostEndpoint, by the rules V-HEP of Calico's validation. */
export const hostEndpoint = resource('HostEndpoint', clusterMetadata('V-NAME', resourceNameProblem), spec);

export type HostEndpoint = z.infer<typeof hostEndpoint>;
