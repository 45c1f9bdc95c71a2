import { deepStrictEqual } from 'node:assert';
import type { Resource } from '../lab/resource-store.js';
import type { Outcome, Transport } from '../lab/traffic.js';
import type { Checks } from './checks.js';
import { type Facts, type Family, open, type Place, type Scenario, scenarios } from './scenarios.js';

/** A layer as the table of scenarios sees it. */
export interface Site {
  readonly facts: Facts;
  /** Afterwards there are these resources and no others, and the node's daemon says that they are in force. */
  apply(resources: readonly Resource[]): Promise<void>;
  probe(from: Place, to: Place, protocol: Transport, port: number, family: Family): Promise<Outcome>;
}

/** On these the probe program answers, in every place. */
export const PORTS = { tcp: [179, 8080, 9999], udp: [5353] } as const;

const LINE = /^(\w+) -> (\w+) (tcp|udp)(6?)\/(\d+) (?:allow|deny|reject)$/;
const PLACES: readonly Place[] = ['node', 'peer', 'client', 'workload'];

/** All probes at once; the lines as they turned out. */
export async function probeLines(site: Site, lines: readonly string[]): Promise<string[]> {
  return Promise.all(
    lines.map(async (line) => {
      const [, from, to, protocol, six = '', port] = LINE.exec(line) ?? [];
      const [start, end] = [placeOf(from, line), placeOf(to, line)];
      const outcome = await site.probe(start, end, protocol === 'udp' ? 'udp' : 'tcp', Number(port), six ? 6 : 4);
      return `${from} -> ${to} ${protocol}${six}/${port} ${outcome}`;
    }),
  );
}

/** Brings a scenario into force and probes. */
export async function play(site: Site, { resources, probes }: Scenario): Promise<void> {
  await site.apply(resources(site.facts));
  deepStrictEqual(await probeLines(site, probes), probes);
}

/** The whole table, with all open before it and after it. */
export async function playAll(site: Site, checks: Checks, chosen: readonly Scenario[] = scenarios): Promise<void> {
  for (const scenario of [open, ...chosen, open]) await checks.check(scenario.title, () => play(site, scenario));
}

function placeOf(name: string | undefined, line: string): Place {
  const place = PLACES.find((candidate) => candidate === name);
  if (place === undefined) throw new Error(`not a probe: ${line}`);
  return place;
}
