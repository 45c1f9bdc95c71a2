import type { Packet } from '../../evaluate/packet.js';
import type { Decider, StageResult, Step, Verdict } from '../../evaluate/verdict.js';
import { columns } from '../columns.js';
import type { Color, Paint } from '../paint.js';
import { printable } from '../printable.js';
import { deciderText, objectName, ruleText } from './decider-text.js';

/** What `margay explain` has found out. */
export interface Explanation extends Verdict {
  readonly packets: readonly Packet[];
  readonly assumed: readonly string[];
}

/** So many rules that do not match are listed in each stage; `--json` has all. */
const longestList = 20;

const verdictColors: Readonly<Record<Verdict['verdict'], Color>> = { allow: 'green', deny: 'red', reject: 'red' };
const verdictWords = { allow: 'ALLOWED', deny: 'DENIED (dropped)', reject: 'DENIED (rejected)' } as const;

/** The packet, what becomes of it and why, and a block for each stage. */
export function explainText(explanation: Explanation, paint: Paint): string {
  const { packets, assumed, verdict, by, stages } = explanation;
  const reason = by ? ` by ${deciderText(by)}` : ': no endpoint on its way';
  const sections = [
    [...packets.map(packetText), ...assumed.map((text) => paint('gray', `  assumed: ${printable(text)}`))],
    [paint('bold', paint(verdictColors[verdict], verdictWords[verdict])) + reason],
    ...stages.map((stage, index) => stageLines(stage, index + 1, paint)),
    whereLines(by, paint),
  ];
  return `${sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`;
}

function packetText(packet: Packet): string {
  const { protocol, icmpType, icmpCode, state, beforeDNAT } = packet;
  const what = icmpType === undefined ? '' : `, type ${icmpType} code ${icmpCode ?? 0}`;
  const target = addressText(packet.destination, packet.destinationPort);
  const first = beforeDNAT
    ? `${addressText(beforeDNAT.destination, beforeDNAT.destinationPort)} (DNAT to ${target})`
    : target;
  const source = addressText(packet.source, packet.sourcePort);
  return printable(`${protocolName(protocol)} ${source} -> ${first}${what}, ${state}, ${wayText(packet)}`);
}

function wayText({ path, inInterface, outInterface }: Packet): string {
  if (path === 'in') return `from ${inInterface} to this host`;
  return path === 'out' ? `from this host over ${outInterface}` : `forwarded from ${inInterface} to ${outInterface}`;
}

function addressText(address: string, port: number | undefined): string {
  if (port === undefined) return address;
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

const protocols: Readonly<Record<number, string>> = { 1: 'icmp', 6: 'tcp', 17: 'udp', 58: 'icmpv6', 132: 'sctp' };

function protocolName(protocol: number): string {
  return protocols[protocol] ?? `protocol ${protocol}`;
}

const resultColors: Readonly<Record<StageResult['result'], Color>> = {
  allow: 'green',
  deny: 'red',
  none: 'gray',
  skipped: 'gray',
};

function stageLines({ stage, endpoint, result, by, steps = [] }: StageResult, number: number, paint: Paint): string[] {
  const where = endpoint ? ` of ${endpoint.kind} ${printable(objectName(endpoint))}` : '';
  const reason = by ? ` by ${deciderText(by)}` : '';
  const words = {
    allow: `allowed${reason}`,
    deny: `denied${reason}`,
    none: by ? `left to others${reason}` : 'nothing matched, goes on',
    skipped: `skipped: allowed${reason}`,
  };
  const decided = by && result !== 'skipped' ? by : undefined;
  return [
    `${number}. ${paint('bold', stage)}${where}: ${paint(resultColors[result], words[result])}`,
    ...stepLines(steps, decided, paint),
  ];
}

function stepLines(steps: readonly Step[], by: Decider | undefined, paint: Paint): string[] {
  const unmatched = steps.filter(({ matched }) => !matched);
  const hidden = new Set(unmatched.slice(longestList));
  const rows = steps
    .filter((step) => !hidden.has(step))
    .map((step) => {
      const decides = by !== undefined && step.rule === by.rule && step.kind === by.kind && sameName(step, by);
      const cells = [step.tier ?? 'profiles', stepName(step), step.action, stepWords(step)].map(printable);
      return [decides ? '   >' : '    ', ...(decides ? cells.map((cell) => paint('bold', cell)) : cells)];
    });
  const more = hidden.size > 0 ? [`      and ${hidden.size} more rules that do not match: see --json`] : [];
  return [...columns(rows), ...more];
}

function sameName(step: Step, by: Decider): boolean {
  return step.name === by.name && step.namespace === by.namespace;
}

function stepName(step: Step): string {
  if (step.rule === 'end of tier') return 'end of tier';
  return `${step.kind} ${objectName(step)}${typeof step.rule === 'number' ? `[${step.rule}]` : ''}`;
}

function stepWords({ rule, matched, why }: Step): string {
  if (rule === 'end of tier') return 'no rule of this tier decided';
  if (rule === 'missing') return 'it does not exist';
  return matched ? 'matches' : `no: ${why ?? ''}`;
}

function whereLines(by: Decider | undefined, paint: Paint): string[] {
  const comment = by && ruleText(by);
  if (comment === undefined) return [];
  return [paint('gray', `In the kernel: the rule with the comment "${comment}" of \`nft list table inet margay\``)];
}
