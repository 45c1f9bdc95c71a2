import { writeFile } from 'node:fs/promises';
import { cpus, loadavg, release } from 'node:os';
import { parseArgs } from 'node:util';
import { calc } from './calc.js';
import { runCase } from './calc-case.js';
import { change, etcdChange } from './change.js';
import { etcd } from './etcd.js';
import { compareApart } from './felix/apart.js';
import { figuresOf } from './felix/comparison.js';
import { plot } from './felix/plot.js';
import type { Figure } from './figure.js';
import { idle, memory } from './footprint.js';
import { kernel } from './kernel.js';
import { kubernetes } from './kubernetes.js';
import { packet } from './packet.js';
import { render } from './render.js';
import { markdown } from './report.js';
import type { Section } from './section.js';
import { sets } from './sets.js';
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
  sets,
  packet,
];

const USAGE = `usage: npm run bench -- [--quick] [--json FILE] [SECTION...]
       npm run bench -- --felix [--plot FILE.svg] [--quick] [--json FILE]

Measures and prints Markdown tables; needs a quiet machine, and root for what has to do with the kernel.

${SECTIONS.map(({ name, help, needsRoot }) => `  ${name.padEnd(11)} ${help}${needsRoot ? ' (root)' : ''}`).join('\n')}

--felix measures Margay and the real Felix on the same data in the same etcd. CALICO_FELIX and CALICOCTL name the binaries;
without them Margay is measured alone. --plot draws latency and cost against the number of policies.
`;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      quick: { type: 'boolean', default: false },
      felix: { type: 'boolean', default: false },
      plot: { type: 'string' },
      json: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
      case: { type: 'string' },
    },
  });
  if (values.help) return print(USAGE);
  // A case of the calculation runs in a process of its own, for the sake of its heap.
  if (values.case !== undefined) return print(JSON.stringify(await runCase(values.case)));
  const unknown = positionals.filter((name) => !SECTIONS.some((section) => section.name === name));
  if (unknown.length > 0) return misused(`no section ${unknown.join(', ')}`);
  if (values.plot !== undefined && !values.felix) return misused('--plot needs --felix');
  if (values.felix && positionals.length > 0) return misused('--felix has no sections');
  const figures = values.felix
    ? await felixFigures(values.quick, values.plot)
    : await runAll(
        SECTIONS.filter(({ name }) => positionals.length === 0 || positionals.includes(name)),
        values.quick,
      );
  const machine = `${cpus().length} × ${cpus()[0]?.model.trim()}, Linux ${release()}, Node.js ${process.versions.node}`;
  print(`${machine}\n\n${markdown(figures)}`);
  if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify({ machine, figures }, null, 1)}\n`);
  return 0;
}

function misused(text: string): number {
  process.stderr.write(`bench: ${text}\n${USAGE}`);
  return 2;
}

async function felixFigures(quick: boolean, file: string | undefined): Promise<Figure[]> {
  const comparisons = await compareApart(quick);
  if (file !== undefined) await writeFile(file, plot(comparisons));
  return figuresOf(comparisons);
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
