import type { Figure } from './figure.js';

const HEAD = '| | Margay | n | Felix | Margay ÷ Felix | goal |';
const RULE = '|---|---:|---:|---:|---:|---:|';

/** The figures as a Markdown table for each section. */
export function markdown(figures: readonly Figure[]): string {
  const sections = [...new Set(figures.map(({ section }) => section))];
  const tables = sections.map((section) => {
    const rows = figures.filter((figure) => figure.section === section).map(row);
    return [`**${section}**`, '', HEAD, RULE, ...rows].join('\n');
  });
  return `${tables.join('\n\n')}\n`;
}

function row(figure: Figure): string {
  const { what, value, unit, n, quartiles, felix, note } = figure;
  const spread = quartiles ? ` (${number(quartiles[0])}–${number(quartiles[1])})` : '';
  const other = felix === undefined ? '' : number(felix);
  const part = felix === undefined ? '' : number(value / felix);
  return `| ${what}${note ? ` (${note})` : ''} | ${number(value)} ${unit}${spread} | ${n} | ${other} | ${part} | ${goalOf(figure)} |`;
}

/** With a cross where it is missed. */
function goalOf({ value, unit, felix, goal, ratio }: Figure): string {
  const limits = [
    ...(ratio === undefined || felix === undefined ? [] : [{ text: `÷ ≤ ${ratio}`, most: ratio * felix }]),
    ...(goal === undefined ? [] : [{ text: `≤ ${number(goal)} ${unit}`, most: goal }]),
  ];
  return limits.map(({ text, most }) => `${text}${value > most ? ' ✗' : ''}`).join(', ');
}

/** Three significant digits. */
function number(value: number): string {
  if (Math.abs(value) >= 100) return value.toFixed(0);
  return String(Number(value.toPrecision(3)));
}
