import { goto } from '../nft/expressions.js';
import { antiSpoof } from './anti-spoof.js';
import { activeHostEndpoints, dispatch, forWorkloadInterfaces } from './dispatch.js';
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
  const unknown = (by: 'iifname' | 'oifname') => forWorkloadInterfaces(by, policy, 'unknown workload interface', deny);
  const from = dispatch('workload-egress', 'iifname', elements('egress'), unknown('iifname'));
  const to = dispatch('workload-ingress', 'oifname', elements('ingress'), unknown('oifname'));
  const icmpv6 = forWorkloadInterfaces('iifname', policy, ICMPV6_TO_HOST.comment ?? '', ICMPV6_TO_HOST.statements);
  return [
    hookStage('input-from-workload', [...icmpv6, ...from.rules], [from.map]),
    hookStage('forward-from-workload', from.rules),
    hookStage('forward-to-workload', to.rules, [to.map]),
  ];
}

/** Before connection tracking: anti-spoofing of workloads, and untracked policy of host endpoints. */
export function rawPreroutingStage(rendering: Rendering): HookStage | undefined {
  const endpoints = activeHostEndpoints(rendering.policy);
  const sources = antiSpoof(rendering);
  const workloads = dispatch('workload-source', 'iifname', sources.dispatch);
  const untracked = rawPreroutingRules(endpoints, rendering);
  const clear = usesMarks(endpoints) ? [clearAllowedMark(rendering.policy.parameters)] : [];
  const rules = [...clear, ...workloads.rules, ...untracked.rules];
  return rules.length === 0
    ? undefined
    : hookStage('raw-prerouting', rules, [workloads.map, untracked.map], sources.sets);
}
