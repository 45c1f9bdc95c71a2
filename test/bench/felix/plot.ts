import { type Comparison, MEASURES, type Measure, median } from './comparison.js';

const SHOWN: readonly Measure[] = ['flow', 'member', 'port', 'label'];
/** The last one lies on top. */
const LINES = [
  { of: 'plain', name: 'Margay, plain lists' },
  { of: 'felix', name: 'Felix' },
  { of: 'margay', name: 'Margay' },
] as const;

const [WIDTH, HEIGHT, TOP, COLUMNS] = [760, 600, 56, 2];
/** Of one panel, with its title and the names of its axes. */
const PANEL = { width: WIDTH / COLUMNS, height: (HEIGHT - TOP) / 2, left: 48, right: 52, top: 34, bottom: 58 };
const MARKER = 3.5;

interface Colours {
  readonly paper: string;
  readonly ink: string;
  readonly faint: string;
  readonly grid: string;
  readonly margay: string;
  readonly felix: string;
}

/** Those of lines have a contrast of three to one to the paper at least. */
const LIGHT: Colours = {
  paper: '#ffffff',
  ink: '#1f2328',
  faint: '#59636e',
  grid: '#d9dee3',
  margay: '#1a66c9',
  felix: '#c2560c',
};
const DARK: Colours = {
  paper: '#0d1117',
  ink: '#e6edf3',
  faint: '#9198a1',
  grid: '#2d333b',
  margay: '#58a6ff',
  felix: '#f0883e',
};

/** No variables of CSS: not every program that shows SVG knows them. */
const colouring = ({ paper, ink, faint, grid, margay, felix }: Colours) => `
  .paper { fill: ${paper}; }
  .grid { stroke: ${grid}; }
  text { fill: ${faint}; }
  text.title, text.value { fill: ${ink}; }
  .line { stroke: ${margay}; }
  .dot { fill: ${margay}; stroke: ${paper}; }
  .line.felix { stroke: ${felix}; }
  .dot.felix { fill: ${felix}; }
  .dot.plain { fill: ${paper}; stroke: ${margay}; }`;

const STYLE = `
  text { font: 12px system-ui, sans-serif; }
  text.title { font-weight: 600; font-size: 13px; }
  .line { fill: none; stroke-width: 2; stroke-linejoin: round; }
  .line.plain { stroke-dasharray: 5 4; }${colouring(LIGHT)}
  @media (prefers-color-scheme: dark) {${colouring(DARK)}
  }`;

interface Point {
  readonly x: number;
  readonly y: number;
}

interface Line {
  readonly of: (typeof LINES)[number]['of'];
  readonly points: readonly Point[];
}

/** An SVG with a panel for each of what depends on the number of policies, both axes logarithmic. Same input, same bytes. */
export function plot(comparisons: readonly Comparison[]): string {
  const panels = SHOWN.map((measure, index) => {
    const [column, row] = [index % COLUMNS, Math.floor(index / COLUMNS)];
    const lines = linesOf(comparisons.filter((one) => one.measure === measure));
    return group(column * PANEL.width, TOP + row * PANEL.height, panel(measure, lines));
  });
  const drawn = LINES.filter(({ of }) => comparisons.some((one) => one[of].length > 0));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img">`,
    '<title>Margay and Felix: cost of a new flow, and time from a change to the kernel, by number of policies</title>',
    `<style>${STYLE}\n</style>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" class="paper"/>`,
    ...drawn.toReversed().map(({ of, name }, index) => group(PANEL.left + index * 100, 24, legend(of, name))),
    ...panels,
    '</svg>\n',
  ].join('\n');
}

function linesOf(comparisons: readonly Comparison[]): Line[] {
  const sorted = comparisons.toSorted((a, b) => a.policies - b.policies);
  return LINES.map(({ of }) => ({
    of,
    points: sorted.flatMap((one) => (one[of].length > 0 ? [{ x: one.policies, y: median(one[of]) }] : [])),
  })).filter(({ points }) => points.length > 0);
}

function legend(of: Line['of'], name: string): string[] {
  return [
    `<path class="line ${of}" d="M0 0H22"/>`,
    `<circle class="dot ${of}" cx="11" cy="0" r="${MARKER}"/>`,
    text(28, 4, name, 'value'),
  ];
}

function panel(measure: Measure, lines: readonly Line[]): string[] {
  const { what, unit } = MEASURES[measure];
  const points = lines.flatMap((line) => line.points);
  const [right, bottom] = [PANEL.width - PANEL.right, PANEL.height - PANEL.bottom];
  const policies = [...new Set(points.map(({ x }) => x))];
  const ticks = ticksAround(points.map(({ y }) => y));
  const toX = scale(policies[0] ?? 1, policies.at(-1) ?? 10, PANEL.left, right);
  const toY = scale(ticks[0] ?? 1, ticks.at(-1) ?? 10, bottom, PANEL.top);
  return [
    text(PANEL.left, 14, `${what} (${unit})`, 'title'),
    ...ticks.flatMap((tick) => [
      `<path class="grid" d="M${PANEL.left} ${toY(tick)}H${right}"/>`,
      text(PANEL.left - 8, toY(tick) + 4, String(tick), '', 'end'),
    ]),
    ...policies.map((count) => text(toX(count), bottom + 18, String(count), '', 'middle')),
    text((PANEL.left + right) / 2, bottom + 33, 'policies', '', 'middle'),
    ...lines.flatMap(({ of, points }) => {
      const at = points.map(({ x, y }) => ({ x: toX(x), y: toY(y) }));
      return [
        `<path class="line ${of}" d="${at.map(({ x, y }, index) => `${index === 0 ? 'M' : 'L'}${x} ${y}`).join('')}"/>`,
        ...at.map(({ x, y }) => `<circle class="dot ${of}" cx="${x}" cy="${y}" r="${MARKER}"/>`),
      ];
    }),
    ...endValues(lines, toY, right + 9),
  ];
}

/** What the last point of each line is, one below the other where the points are close. */
function endValues(lines: readonly Line[], toY: (value: number) => number, x: number): string[] {
  const ends = lines.flatMap(({ points }) => points.slice(-1)).toSorted((a, b) => b.y - a.y);
  let lowest = Number.NEGATIVE_INFINITY;
  return ends.map(({ y }) => {
    lowest = Math.max(toY(y) + 4, lowest + 13);
    return text(x, lowest, y >= 100 ? y.toFixed(0) : String(Number(y.toPrecision(2))), 'value');
  });
}

/** 1, 2 and 5 of each power of ten where few are enough, else the powers alone; the values lie between. */
function ticksAround(values: readonly number[]): number[] {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const powers = Array.from({ length: 13 }, (_, index) => index - 6);
  const decades = Math.log10(most / least);
  const steps = decades > 1.5 ? [1] : [1, 2, 5];
  const all = powers.flatMap((power) => steps.map((step) => Number(`${step}e${power}`)));
  const first = all.findLastIndex((tick) => tick <= least);
  const last = all.findIndex((tick) => tick >= most && tick > least);
  return all.slice(first, last + 1);
}

function scale(least: number, most: number, from: number, to: number): (value: number) => number {
  return (value) => Number((from + ((to - from) * Math.log(value / least)) / Math.log(most / least)).toFixed(1));
}

function group(x: number, y: number, content: readonly string[]): string {
  return `<g transform="translate(${x} ${y})">\n${content.join('\n')}\n</g>`;
}

function text(x: number, y: number, content: string, name = '', anchor = 'start'): string {
  const style = name === '' ? '' : ` class="${name}"`;
  return `<text x="${x}" y="${y}" text-anchor="${anchor}"${style}>${content}</text>`;
}
