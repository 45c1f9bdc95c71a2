import { readFile } from 'node:fs/promises';
import { evaluator } from '../../evaluate/evaluate.js';
import type { Packet } from '../../evaluate/packet.js';
import type { StageResult, Verdict } from '../../evaluate/verdict.js';
import type { Interfaces } from '../../interfaces/interface-source.js';
import { interfacesFromJson } from '../../interfaces/parse-addresses.js';
import { runIp } from '../../interfaces/run-ip.js';
import type { HostPolicy } from '../../policy/host-policy.js';
import type { Io } from '../io.js';
import { offlinePolicy } from '../offline-policy.js';
import type { SourceSettings } from '../open-source.js';
import { type Explanation, explainText } from '../packet/explain-text.js';
import { type PacketOptions, readPacketOptions } from '../packet/packet-options.js';
import { routePacket } from '../packet/packet-route.js';
import { createPaint } from '../paint.js';
import type { Settings } from '../settings/settings.js';

export interface ExplainOptions extends PacketOptions {
  readonly json: boolean;
  /** `live`, or a file with what `ip -j address show` prints. */
  readonly interfaces: string;
}

/**
 * `margay explain`: what the node would do with a packet, and which rule decides. 0 allowed, 1 denied or not certain. Rejects with
 * SettingsError for options that make no packet or do not say which way it takes. Needs no root.
 */
export async function explain(
  settings: Pick<Settings, 'node'> & SourceSettings,
  options: ExplainOptions,
  io: Io,
): Promise<number> {
  const read = readPacketOptions(options);
  const { calculation, problems, leftOut } = await offlinePolicy(settings, options.interfaces, io.environment);
  const { hostPolicy } = calculation;
  const { packets, assumed } = routePacket(read, options, hostPolicy, await readInterfaces(options.interfaces));
  const explanation: Explanation = { ...verdictOf(hostPolicy, packets), packets, assumed };
  for (const problem of problems) io.stderr.write(`margay: ${problem}\n`);
  io.stdout.write(options.json ? asJson(explanation, problems) : explainText(explanation, createPaint(io)));
  if (leftOut > 0) io.stderr.write(`margay: not certain: ${leftOut} objects or files are left out, see above\n`);
  return explanation.verdict === 'allow' && leftOut === 0 ? 0 : 1;
}

/** What is sent over loopback comes in again, unless it was denied on its way out, and untracked if it was so then. */
function verdictOf(policy: HostPolicy, packets: readonly Packet[]): Verdict {
  const evaluate = evaluator(policy);
  let all: Verdict = { verdict: 'allow', stages: [] };
  for (const packet of packets) {
    const state = all.stages.some(endsTracking) ? 'untracked' : packet.state;
    const { verdict, by = all.by, stages } = evaluate({ ...packet, state }, { steps: true });
    all = { verdict, ...(by ? { by } : {}), stages: [...all.stages, ...stages] };
    if (verdict !== 'allow') break;
  }
  return all;
}

/** A rule does; a failsafe port does not. */
function endsTracking({ class: policyClass, result, by }: StageResult): boolean {
  return policyClass === 'untracked' && result === 'allow' && typeof by?.rule === 'number';
}

function asJson({ verdict, by = undefined, stages, ...packet }: Explanation, problems: readonly string[]): string {
  return `${JSON.stringify({ verdict, by: by ?? null, stages, ...packet, problems }, null, 2)}\n`;
}

async function readInterfaces(from: string): Promise<Interfaces> {
  return interfacesFromJson(
    from === 'live' ? await runIp().list(undefined, AbortSignal.timeout(10_000)) : await readFile(from, 'utf8'),
  );
}
