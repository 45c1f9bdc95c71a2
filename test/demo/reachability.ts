import { columns } from '../../src/cli/columns.js';
import type { Paint } from '../../src/cli/paint.js';
import type { Lab } from '../lab/lab.js';
import type { Family } from '../lab/topology.js';
import type { Outcome } from '../lab/traffic.js';
import { people, targets, titleOf } from './network.js';

/** Who reaches what, a row for each of `people` and a cell for each of `targets`. */
export type Reachability = readonly (readonly Cell[])[];

/** One symbol; where the families differ, both. */
export type Cell = string;

const SYMBOLS: Readonly<Record<Outcome, string>> = { allow: '✓', deny: '·', reject: '✗' };
const SELF = ' ';

/** Probes everything at once, over IPv4 and IPv6. */
export async function measure(lab: Lab): Promise<Reachability> {
  const families: readonly Family[] = [4, 6];
  return Promise.all(
    people.map(({ host: from }) =>
      Promise.all(
        targets.map(async ({ host, service }) => {
          if (from === host) return SELF;
          const outcomes = await Promise.all(families.map((family) => lab.probe(from, host, service, family)));
          const [ipv4 = '', ipv6 = ''] = outcomes.map((outcome) => SYMBOLS[outcome]);
          return ipv4 === ipv6 ? ipv4 : `4${ipv4}6${ipv6}`;
        }),
      ),
    ),
  );
}

/** The table, with a star at what is not as it was `before`. */
export function table(now: Reachability, paint: Paint, before: Reachability = now): string {
  const hosts = targets.map(({ host }, i) => (targets[i - 1]?.host === host ? '' : titleOf(host)));
  const rows = now.map((cells, y) => [
    paint('bold', people[y]?.title ?? ''),
    ...cells.map((cell, x) => painted(cell, before[y]?.[x] ?? cell, paint)),
  ]);
  const head = ['from \\ to', ...hosts].map((text) => paint('bold', text));
  return columns([head, ['', ...targets.map(({ title }) => title)], ...rows])
    .map((line) => `  ${line}`)
    .join('\n');
}

export const legend = '  ✓ answers   · silence   ✗ refused   * changed        (IPv4 and IPv6 alike)';

/** Whether both are the same. */
export function same(a: Reachability, b: Reachability): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** How many answers there are. */
export function countOpen(reachability: Reachability): { readonly open: number; readonly all: number } {
  const cells = reachability.flat().filter((cell) => cell !== SELF);
  return { open: cells.filter((cell) => cell === SYMBOLS.allow).length, all: cells.length };
}

function painted(cell: Cell, before: Cell, paint: Paint): string {
  if (cell === before) return paint(cell === SYMBOLS.allow ? 'green' : 'gray', cell);
  return paint(cell === SYMBOLS.allow ? 'green' : 'red', `${cell}*`);
}
