import { writeFile } from 'node:fs/promises';
import { cpus, loadavg, release } from 'node:os';
import { parseArgs } from 'node:util';
import { calc } from './calc.js';
import { runCase } from './calc-case.js';
import { change, etcdChange } from './change.js';
import { etcd } from './etcd.js';
import type { Figure } from './figure.js';
import { idle, memory } from './footprint.js';
import { kernel } from './kernel.js';
import { kubernetes } from './kubernetes.js';
import { packet } from './packet.js';
import { render } from './render.js';
import { markdown } from './report.js';
import type { Section } from './section.js';
import { start } from './start.js';

const SECTIONS: readonly Section[] = [
  change,
  start,
  memory,
  idle,
  calc,
  render,
  etcd,
  etcdChange,
  kubernetes,
  kernel,
  packet,
];

const USAGE = `usage: npm run bench -- [--quick] [--json FILE] [SECTION...]

Measures and prints Markdown tables; needs a quiet machine, and root for what has to do with the kernel.

${SECTIONS.map(({ name, help, needsRoot }) => `  ${name.padEnd(11)} ${help}${needsRoot ? ' (root)' : ''}`).join('\n')}
`;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      quick: { type: 'boolean', default: false },
      json: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
      case: { type: 'string' },
    },
  });
  if (values.help) return print(USAGE);
  // A case of the calculation runs in a process of its own, for the sake of its heap.
  if (values.case !== undefined) return print(JSON.stringify(await runCase(values.case)));
  const unknown = positionals.filter((name) => !SECTIONS.some((section) => section.name === name));
  if (unknown.length > 0) {
    process.stderr.write(`bench: no section ${unknown.join(', ')}\n${USAGE}`);
    return 2;
  }
  const chosen = SECTIONS.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
  const figures = await runAll(chosen, values.quick);
  const machine = `${cpus().length} × ${cpus()[0]?.model.trim()}, Linux ${release()}, Node.js ${process.versions.node}`;
  print(`${machine}\n\n${markdown(figures)}`);
  if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify({ machine, figures }, null, 1)}\n`);
  return 0;
}

async function runAll(sections: readonly Section[], quick: boolean): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const { name, needsRoot, run } of sections) {
    if (needsRoot && process.getuid?.() !== 0) {
      tell(`${name}: left out, since it needs root`);
      continue;
    }
    tell(`${name} (load ${loadavg()[0]?.toFixed(1)})`);
    figures.push(...(await run({ quick })));
  }
  return figures;
}

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}

function tell(text: string): void {
  process.stderr.write(`bench: ${text}\n`);
}

process.exitCode = await main();
