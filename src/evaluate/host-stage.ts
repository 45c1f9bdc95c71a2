import type { HostEndpointPolicy } from '../policy/host-policy.js';
import { byConntrack } from './conntrack.js';
import { isFailsafe, isFailsafeReply, opposite } from './failsafe.js';
import { type Header, ICMP } from './header.js';
import { type Ruling, type Run, runProfiles, runTiers } from './run-tiers.js';
import type { Circumstance, Decider, Direction, PolicyClass, StageName, StageResult, Step } from './verdict.js';
import type { Walk } from './walk.js';

export interface HostStage {
  readonly stage: StageName;
  readonly class: PolicyClass;
  readonly direction: Direction;
}

/** In this order: neighbour discovery, conntrack, failsafe ports, tiers, profiles, and what is left. */
export function hostStage(walk: Walk, endpoint: HostEndpointPolicy, stage: HostStage, header: Header): StageResult {
  const steps: Step[] | undefined = walk.withSteps ? [] : undefined;
  const run: Run = { host: walk.host, header, direction: stage.direction, steps };
  const ruling =
    exempt(walk, endpoint, stage, header) ?? ruled(walk, endpoint, stage, run) ?? undecided(endpoint, stage, run);
  const result: StageResult = {
    stage: stage.stage,
    class: stage.class,
    direction: stage.direction,
    endpoint: { kind: 'HostEndpoint', name: endpoint.name },
    result: ruling?.result ?? 'none',
    by: ruling?.by,
  };
  return steps ? { ...result, steps } : result;
}

/** Policy before tracking or DNAT that allows spares the packet later stages; a failsafe port does not. */
function ruled(walk: Walk, endpoint: HostEndpointPolicy, stage: HostStage, run: Run): Ruling {
  const ruling = runTiers(endpoint[stage.class], run);
  const early = stage.class === 'untracked' || stage.class === 'preDNAT';
  if (early && ruling?.result === 'allow') walk.accepted = ruling.by;
  return ruling;
}

/** What is left after the tiers: profiles speak of the host's own traffic only, and forwarded traffic is open without policy. */
function undecided(endpoint: HostEndpointPolicy, stage: HostStage, run: Run): Ruling {
  const of = (rule: Circumstance) => ofEndpoint(endpoint, stage.direction, rule);
  if (stage.class === 'normal') {
    return runProfiles(endpoint.profiles, run) ?? { result: 'deny', by: of('end of profiles') };
  }
  const open = stage.class === 'forward' && endpoint.forward.length === 0;
  return open ? { result: 'allow', by: of('no forward policy') } : undefined;
}

function exempt(walk: Walk, endpoint: HostEndpointPolicy, stage: HostStage, header: Header): Ruling {
  const of = (rule: Circumstance) => ofEndpoint(endpoint, stage.direction, rule);
  if (stage.class !== 'forward' && isNeighbourDiscovery(header))
    return { result: 'allow', by: of('neighbour discovery') };
  if (stage.class !== 'untracked') {
    const ruling = byConntrack(walk, of);
    if (ruling) return ruling;
  }
  return stage.class === 'forward' ? undefined : byFailsafe(walk, stage, header);
}

const PARAMETERS = { ingress: 'failsafeInboundHostPorts', egress: 'failsafeOutboundHostPorts' } as const;

function byFailsafe({ host }: Walk, { direction, class: policyClass }: HostStage, header: Header): Ruling {
  const by = (of: Direction): Ruling => ({
    result: 'allow',
    by: { kind: 'FelixConfiguration', name: PARAMETERS[of], direction, rule: 'failsafe' },
  });
  if (isFailsafe(host, direction, header)) return by(direction);
  const isReply = policyClass === 'untracked' && isFailsafeReply(host, direction, header);
  return isReply ? by(opposite(direction)) : undefined;
}

const DISCOVERY: ReadonlySet<number | undefined> = new Set([133, 134, 135, 136]);

/** Without it IPv6 stops on an interface with a host endpoint. A hop limit of 255 says that it comes from the same link. */
function isNeighbourDiscovery({ family, protocol, icmpType, hopLimit }: Header): boolean {
  return family === 6 && protocol === ICMP[6] && hopLimit === 255 && DISCOVERY.has(icmpType);
}

function ofEndpoint({ name }: HostEndpointPolicy, direction: Direction, rule: Circumstance): Decider {
  return { kind: 'HostEndpoint', name, direction, rule };
}
