import * as z from 'zod';
import { parseAddress, parseCidr } from './address.js';
import { workloadEndpointPort } from './endpoint-port.js';
import { emptyIsAbsent, fieldRoles, type RefinementContext, report, text, wordOrNumber } from './field.js';
import { namespacedMetadata } from './metadata.js';
import { containerIdProblem, interfaceNameProblem, macProblem, nameProblem, resourceNameProblem } from './name.js';
import { address, addressOf, cidr } from './net-fields.js';
import { resource } from './resource-schema.js';
import { workloadEndpointName } from './workload-endpoint-name.js';

const name = (code: string) => emptyIsAbsent(text(code, nameProblem));

const ipNetwork = text('V-WEP-2', (value) =>
  value === '' || parseCidr(value) !== undefined ? undefined : `'${value}' is no IP address or network`,
).superRefine((value, context) => {
  const parsed = parseCidr(value);
  if (parsed !== undefined && parsed.length !== (parsed.family === 4 ? 32 : 128))
    report(
      context,
      'V-WEP-3',
      [],
      `IP network ${value} contains multiple addresses; a workload has single ones (/32 or /128)`,
    );
});

const rate = emptyIsAbsent(z.int());
const qosControls = z.object({
  ingressBandwidth: rate,
  ingressBurst: rate,
  ingressPeakrate: rate,
  ingressMinburst: rate,
  egressBandwidth: rate,
  egressBurst: rate,
  egressPeakrate: rate,
  egressMinburst: rate,
  ingressPacketRate: rate,
  ingressPacketBurst: rate,
  egressPacketRate: rate,
  egressPacketBurst: rate,
  ingressMaxConnections: rate,
  egressMaxConnections: rate,
  dscp: wordOrNumber('a DSCP name or number').register(fieldRoles, { role: 'int-or-string' }).optional(),
});

const specFields = z.object({
  orchestrator: name('V-WEP-1'),
  workload: name('V-NAME'),
  node: name('V-NAME'),
  containerID: emptyIsAbsent(text('V-CID', containerIdProblem)),
  pod: name('V-NAME'),
  endpoint: name('V-NAME'),
  serviceAccountName: name('V-NAME'),
  ipNetworks: z.array(ipNetwork).optional(),
  ipNATs: z.array(z.object({ internalIP: address('V-WEP-4'), externalIP: address('V-WEP-4') })).optional(),
  ipv4Gateway: emptyIsAbsent(addressOf(4, 'V-WEP-7')),
  ipv6Gateway: emptyIsAbsent(addressOf(6, 'V-WEP-7')),
  profiles: z.array(text('V-NAME', nameProblem)).optional(),
  interfaceName: text('V-WEP-8', (value) =>
    value === '' ? 'interfaceName must be specified' : interfaceNameProblem(value),
  ),
  mac: emptyIsAbsent(text('V-MAC', macProblem)),
  ports: z.array(workloadEndpointPort).optional(),
  allowSpoofedSourcePrefixes: z.array(cidr('V-CIDR')).optional(),
  qosControls: qosControls.optional(),
});

export type WorkloadEndpointSpec = z.infer<typeof specFields>;

const spec = specFields.superRefine((value, context) => checkNats(value, context));

/** A WorkloadEndpoint, by the rules V-WEP of Calico's validation; its name is made of its fields. */
export const workloadEndpoint = resource(
  'WorkloadEndpoint',
  namespacedMetadata('V-NAME', resourceNameProblem),
  spec,
).superRefine(({ metadata, spec }, context) => {
  const expected = workloadEndpointName(spec);
  if ('problems' in expected) {
    for (const { field, message } of expected.problems) report(context, 'V-WEP-1', ['spec', field], message);
  } else if (metadata.name !== expected.name) {
    report(
      context,
      'V-WEP-NAME',
      ['metadata', 'name'],
      `the name must be ${expected.name}, made of the fields of the spec`,
    );
  }
});

export type WorkloadEndpoint = z.infer<typeof workloadEndpoint>;

function checkNats({ ipNATs = [], ipNetworks = [] }: WorkloadEndpointSpec, context: RefinementContext): void {
  const own = new Set(ipNetworks.map((network) => parseCidr(network)?.address));
  ipNATs.forEach(({ internalIP, externalIP }, index) => {
    const internal = parseAddress(internalIP);
    const external = parseAddress(externalIP);
    if (internal === undefined || external === undefined) return;
    if (internal.family !== external.family)
      report(context, 'V-WEP-5', ['ipNATs', index], `${internalIP} and ${externalIP} are of different IP versions`);
    if (!own.has(internal.text))
      report(
        context,
        'V-WEP-6',
        ['ipNATs', index, 'internalIP'],
        `${internalIP} is not in the ipNetworks of the endpoint`,
      );
  });
}
