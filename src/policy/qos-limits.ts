import type { WorkloadEndpoint } from '../resources/kinds.js';
import type { QosLimits, WorkloadEndpointPolicy } from './host-policy.js';

type QosControls = NonNullable<WorkloadEndpoint['spec']['qosControls']>;

/** Packets at once where only a rate is given. */
const DEFAULT_BURST = 5;

/** The limits that a packet filter can enforce; bandwidth is a matter of traffic control. Zero is no limit. */
export function qosLimits(controls: QosControls): WorkloadEndpointPolicy['limits'] {
  return {
    ingress: limits(controls.ingressPacketRate, controls.ingressPacketBurst, controls.ingressMaxConnections),
    egress: limits(controls.egressPacketRate, controls.egressPacketBurst, controls.egressMaxConnections),
  };
}

function limits(rate = 0, burst = 0, maxConnections = 0): QosLimits {
  return {
    ...(rate > 0 ? { packetRate: { rate, burst: burst > 0 ? burst : DEFAULT_BURST } } : {}),
    ...(maxConnections > 0 ? { maxConnections } : {}),
  };
}
