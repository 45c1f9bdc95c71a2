import * as z from 'zod';
import { alwaysPrinted, report, text } from './field.js';
import { exactNet } from './net-fields.js';
import { portNameProblem } from './port.js';
import { type Protocol, supportsPorts } from './protocol.js';
import { integer, protocol } from './rule.js';

const portNumber = (code: string) => integer(code, 1, 65535);

const withPorts = (code: string) =>
  protocol.superRefine((value: Protocol, context) => {
    if (!supportsPorts(value))
      report(context, code, [], `protocol ${value} does not support ports; use TCP, UDP or SCTP`);
  });

export const endpointPort = z.object({
  name: text('V-EP-1', portNameProblem),
  protocol: withPorts('V-EP-2'),
  port: portNumber('V-EP-3'),
});

export const workloadEndpointPort = z
  .object({
    name: alwaysPrinted(text('V-WEP-9', portNameProblem), ''),
    protocol: withPorts('V-WEP-10'),
    port: portNumber('V-WEP-11'),
    hostPort: alwaysPrinted(integer('V-WEP-11', 0, 65535), 0),
    hostIP: alwaysPrinted(exactNet('V-NET'), ''),
  })
  .superRefine(({ name, hostPort }, context) => {
    if (name === undefined && (hostPort ?? 0) === 0)
      report(context, 'V-WEP-9', ['name'], 'a port without hostPort needs a name');
  });

/** A named port of a host endpoint. */
export type EndpointPort = z.infer<typeof endpointPort>;
/** A port of a workload endpoint; without a name it is for host ports only. */
export type WorkloadEndpointPort = z.infer<typeof workloadEndpointPort>;
