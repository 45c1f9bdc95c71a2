import t from 'tap';
import { markdown } from '../report.js';
import type { Comparison, Measure } from './comparison.js';
import { figuresOf } from './comparison.js';
import { plot } from './plot.js';

function comparison(measure: Measure, policies: number, margay: number, felix?: number): Comparison {
  return { measure, policies, margay: [margay], felix: felix === undefined ? [] : [felix], plain: [] };
}

const sizes = [10, 100, 1000];
const both = sizes.flatMap((policies, index) => [
  comparison('flow', policies, 1.8, [4.2, 16.5, 139][index]),
  comparison('member', policies, 2, 10),
]);

/** Path data of the lines of an agent, in the order of the panels. */
function linesOf(svg: string, agent: string): string[] {
  return [...svg.matchAll(new RegExp(`<path class="line ${agent}" d="(M[^H"]+)"`, 'g'))].map(([, data = '']) => data);
}

function pointsOf(data: string): number[][] {
  return data
    .split(/[ML]/)
    .slice(1)
    .map((point) => point.split(' ').map(Number));
}

t.test('equal steps for equal ratios', async (t) => {
  const svg = plot(both);
  const [flow, member] = linesOf(svg, 'felix').map(pointsOf);
  const xs = flow?.map(([x]) => x ?? 0) ?? [];
  t.equal(xs.length, 3);
  t.equal(
    (xs[1] ?? 0) - (xs[0] ?? 0),
    (xs[2] ?? 0) - (xs[1] ?? 0),
    'from ten to a hundred as from a hundred to a thousand',
  );
  const ys = flow?.map(([, y]) => y ?? 0) ?? [];
  t.ok((ys[0] ?? 0) > (ys[1] ?? 0) && (ys[1] ?? 0) > (ys[2] ?? 0), 'more is higher');
  t.equal(new Set(member?.map(([, y]) => y)).size, 1, 'what does not change is level');
});

t.test('the same input gives the same bytes', async (t) => {
  t.equal(plot(both), plot(both.toReversed()));
});

t.test('without Felix there is no line of it', async (t) => {
  const svg = plot(sizes.map((policies) => comparison('flow', policies, 1.8)));
  t.strictSame(linesOf(svg, 'felix'), []);
  t.equal(linesOf(svg, 'margay').length, 1);
  t.notMatch(svg, /NaN|Infinity|Felix<\/text>/);
});

t.test('a table says what is missed', async (t) => {
  const rows = (margay: number, felix?: number) => markdown(figuresOf([comparison('member', 10, margay, felix)]));
  t.match(rows(2, 10), '| 2 ms | 1 | 10 | 0.2 | ÷ ≤ 0.33 |');
  t.match(rows(4, 10), '| 4 ms | 1 | 10 | 0.4 | ÷ ≤ 0.33 ✗ |');
  t.match(rows(4), '| 4 ms | 1 |  |  |  |');
  t.match(markdown(figuresOf([comparison('flow', 1000, 1.7, 139)])), '≤ 1.6 × ✗');
});
