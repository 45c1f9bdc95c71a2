import { accept, icmpv6, ip6, match } from '../nft/expressions.js';
import type { Rule as NftRule } from '../nft/objects.js';
import type { HostEndpointPolicy } from '../policy/host-policy.js';
import { failsafeRules, untrackedFailsafeRules } from './failsafe.js';
import { type Direction, invalidRules, type Rendering, renderStage } from './program.js';
import { verdictsOf } from './verdicts.js';

/** The chain for traffic of the host itself through an endpoint. */
export function normalChain(endpoint: HostEndpointPolicy, direction: Direction, rendering: Rendering): string {
  return hostChain(endpoint, `HostEndpoint ${endpoint.name}`, direction, rendering);
}

function hostChain(endpoint: HostEndpointPolicy, name: string, direction: Direction, rendering: Rendering): string {
  const { parameters } = rendering.policy;
  const verdicts = verdictsOf('normal', parameters);
  return renderStage(
    {
      name: `host-${direction}`,
      endpoint: name,
      direction,
      verdicts,
      prologue: [...invalidRules(parameters.disableConntrackInvalidCheck, verdicts.deny), NEIGHBOUR_DISCOVERY],
      failsafe: failsafeRules(direction, parameters),
      tiers: endpoint.normal,
      profiles: endpoint.profiles,
    },
    rendering,
  );
}

/**
 * The same for what the host sends and destination NAT changed: only postrouting knows its interface. A reject there makes the
 * kernel refuse the transaction (EOPNOTSUPP), so deny is always drop.
 */
export function postroutingChain(endpoint: HostEndpointPolicy, rendering: Rendering): string {
  const parameters = { ...rendering.policy.parameters, filterDenyAction: 'DROP' as const };
  const behindDnat = `HostEndpoint ${endpoint.name} behind DNAT`;
  return hostChain(endpoint, behindDnat, 'egress', { ...rendering, policy: { ...rendering.policy, parameters } });
}

/** The chain for forwarded traffic. Without any policy of the class it still drops invalid packets, as Calico does. */
export function forwardChain(endpoint: HostEndpointPolicy, direction: Direction, rendering: Rendering): string {
  const { parameters } = rendering.policy;
  const verdicts = verdictsOf('forward', parameters);
  return renderStage(
    {
      name: `forward-${direction}`,
      endpoint: `HostEndpoint ${endpoint.name}`,
      direction,
      verdicts,
      prologue: invalidRules(parameters.disableConntrackInvalidCheck, verdicts.deny),
      tiers: endpoint.forward,
    },
    rendering,
  );
}

/** The chain for what arrives, before destination NAT. */
export function preDNATChain(endpoint: HostEndpointPolicy, rendering: Rendering): string {
  const { parameters } = rendering.policy;
  const verdicts = verdictsOf('preDNAT', parameters);
  return renderStage(
    {
      name: 'pre-dnat',
      endpoint: `HostEndpoint ${endpoint.name}`,
      direction: 'ingress',
      verdicts,
      prologue: [...invalidRules(parameters.disableConntrackInvalidCheck, verdicts.deny), NEIGHBOUR_DISCOVERY],
      failsafe: failsafeRules('ingress', parameters),
      tiers: endpoint.preDNAT,
    },
    rendering,
  );
}

/** The chain before connection tracking. */
export function untrackedChain(endpoint: HostEndpointPolicy, direction: Direction, rendering: Rendering): string {
  const { parameters } = rendering.policy;
  return renderStage(
    {
      name: `untracked-${direction}`,
      endpoint: `HostEndpoint ${endpoint.name}`,
      direction,
      verdicts: verdictsOf('untracked', parameters),
      prologue: [NEIGHBOUR_DISCOVERY],
      failsafe: untrackedFailsafeRules(direction, parameters),
      tiers: endpoint.untracked,
    },
    rendering,
  );
}

/**
 * Without it IPv6 stops working on an interface with a host endpoint: neighbour discovery is never tracked, so no state makes
 * it "established". A hop limit of 255 shows that it comes from the link. Calico treats it like any other packet.
 */
const NEIGHBOUR_DISCOVERY: NftRule = {
  statements: [match(icmpv6.type, { from: 133, to: 136 }), match(ip6.hoplimit, 255), accept],
  comment: 'IPv6 neighbour discovery',
};
