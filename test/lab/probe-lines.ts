import { setTimeout as pause } from 'node:timers/promises';
import type { Lab, Service } from './lab.js';
import type { Family } from './topology.js';

const LINE = /^(\S+) -> (\S+) (icmp|(?:tcp|udp)\/\d+) (v4 |v6 )?(allow|deny|reject)$/;
const AGAIN_MS = 100;

/**
 * Sends all probes at once. A line is `x0 -> node0 tcp/80 allow`, over both families unless it says `v4 allow` or `v6 allow`, or
 * the destination is an address. Returns the lines as they turned out, to be compared with what was asked.
 */
export async function probeLines(lab: Lab, lines: readonly string[]): Promise<string[]> {
  return Promise.all(lines.map((line) => probeLine(lab, line)));
}

/** The same, again and again until all turn out as written, or for `seconds`: after changes that nobody can wait for. */
export async function probeLinesUntil(lab: Lab, lines: readonly string[], seconds = 10): Promise<string[]> {
  const deadline = performance.now() + seconds * 1000;
  for (;;) {
    const now = await probeLines(lab, lines);
    if (now.every((line, i) => line === lines[i]) || performance.now() > deadline) return now;
    await pause(AGAIN_MS);
  }
}

async function probeLine(lab: Lab, line: string): Promise<string> {
  const [, from = '', to = '', service = '', only = ''] = LINE.exec(line) ?? [];
  if (from === '') throw new Error(`not a probe: ${line}`);
  const outcomes = await Promise.all(
    families(to, only).map((family) => lab.probe(from, to, service as Service | 'icmp', family)),
  );
  const outcome = new Set(outcomes).size === 1 ? outcomes[0] : `${outcomes.join(' over IPv4, ')} over IPv6`;
  return `${from} -> ${to} ${service} ${only}${outcome}`;
}

function families(to: string, only: string): readonly Family[] {
  if (to.includes(':') || only === 'v6 ') return [6];
  return to.includes('.') || only === 'v4 ' ? [4] : [4, 6];
}
