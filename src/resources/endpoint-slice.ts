import * as z from 'zod';
import { parseAddress } from './address.js';
import { emptyIsAbsent, fieldRoles, report, text, wordOrNumber } from './field.js';
import { namespacedMetadata } from './metadata.js';
import { resourceNameProblem } from './name.js';
import { type Protocol, supportsPorts } from './protocol.js';
import { resource } from './resource-schema.js';
import { integer } from './rule.js';

const address = text('endpoint-address', (value) =>
  parseAddress(value) === undefined ? `'${value}' is no IP address, it is left out` : undefined,
);

const protocol = wordOrNumber('the name of a protocol')
  .superRefine((value: Protocol, context) => {
    if (!supportsPorts(value))
      report(context, 'endpoint-port', [], `'${value}' is not TCP, UDP or SCTP, the port is left out`);
  })
  .register(fieldRoles, { role: 'protocol' });

/** Without a protocol it is TCP; without a number it is no port that a rule could match. */
const port = z.object({ protocol: emptyIsAbsent(protocol), port: integer('endpoint-port', 1, 65535).optional() });

const spec = z.object({
  /** In the namespace of the slice. */
  service: emptyIsAbsent(z.string()),
  addresses: z.array(address).optional(),
  ports: z.array(port).optional(),
});

/**
 * What rules have to know of an EndpointSlice of Kubernetes: all its addresses, ready or not, each with all its ports. Nobody
 * writes it: a datastore makes it. What can't be used of addresses and ports is left out by those who read it.
 */
export const endpointSlice = resource('EndpointSlice', namespacedMetadata('V-NAME', resourceNameProblem), spec);

export type EndpointSlice = z.infer<typeof endpointSlice>;
