import type { Figure } from './figure.js';

/** The figures as a Markdown table for each section. */
export function markdown(figures: readonly Figure[]): string {
  const sections = [...new Set(figures.map(({ section }) => section))];
  const tables = sections.map((section) => {
    const rows = figures.filter((figure) => figure.section === section).map(row);
    return [`**${section}**`, '', '| | Margay | n | goal | Felix |', '|---|---:|---:|---:|---:|', ...rows].join('\n');
  });
  return `${tables.join('\n\n')}\n`;
}

function row(figure: Figure): string {
  const { what, value, unit, n, quartiles, goal, felix, note } = figure;
  const spread = quartiles ? ` (${number(quartiles[0])}–${number(quartiles[1])})` : '';
  const missed = goal !== undefined && value > goal ? ' ✗' : '';
  const limit = goal === undefined ? '' : `≤ ${number(goal)}`;
  const other = felix === undefined ? '' : number(felix);
  return `| ${what}${note ? ` (${note})` : ''} | ${number(value)} ${unit}${spread}${missed} | ${n} | ${limit} | ${other} |`;
}

/** Three significant digits. */
function number(value: number): string {
  if (Math.abs(value) >= 100) return value.toFixed(0);
  return String(Number(value.toPrecision(3)));
}
