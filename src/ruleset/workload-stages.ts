import { goto } from '../nft/expressions.js';
import { antiSpoof } from './anti-spoof.js';
import { activeHostEndpoints, dispatch, forWorkloadInterfaces, leaveUnlessWorkload } from './dispatch.js';
import { rawPreroutingRules, usesMarks } from './host-stages.js';
import type { Rendering } from './program.js';
import { type HookStage, hookStage } from './stage.js';
import { clearAllowedMark, verdictsOf } from './verdicts.js';
import { ICMPV6_TO_HOST, workloadChain } from './workload-endpoint.js';

/**
 * The stages of workloads. They are there without any workload too: an interface that has the name of a workload interface and no
 * endpoint is denied, so that a new workload is closed until its endpoint is known.
 */
export function workloadStages(rendering: Rendering): readonly HookStage[] {
  const { policy } = rendering;
  const { deny } = verdictsOf('normal', policy.parameters);
  const elements = (direction: 'ingress' | 'egress') =>
    policy.workloadEndpoints.map(
      (endpoint) => [endpoint.interface, goto(workloadChain(endpoint, direction, rendering))] as const,
    );
  const unknown = 'unknown workload interface';
  const denyUnknown = (by: 'iifname' | 'oifname') => forWorkloadInterfaces(by, policy, unknown, deny);
  const from = dispatch('workload-egress', 'iifname', elements('egress'));
  const to = dispatch('workload-ingress', 'oifname', elements('ingress'));
  const toHost = [ICMPV6_TO_HOST, ...from.lookup, { statements: deny, comment: unknown }];
  return [
    hookStage('input-from-workload', [leaveUnlessWorkload(policy), ...toHost], [from.map]),
    hookStage('forward-from-workload', [...from.lookup, ...denyUnknown('iifname')]),
    hookStage('forward-to-workload', [...to.lookup, ...denyUnknown('oifname')], [to.map]),
  ];
}

/** Before connection tracking: anti-spoofing of workloads, and untracked policy of host endpoints. */
export function rawPreroutingStage(rendering: Rendering): HookStage | undefined {
  const endpoints = activeHostEndpoints(rendering.policy);
  const workloads = antiSpoof(rendering);
  const untracked = rawPreroutingRules(endpoints, rendering);
  const clear = usesMarks(endpoints) ? [clearAllowedMark(rendering.policy.parameters)] : [];
  const rules = [...clear, ...workloads.rules, ...untracked.lookup];
  return rules.length === 0
    ? undefined
    : hookStage('raw-prerouting', rules, [...workloads.maps, untracked.map], workloads.sets);
}
