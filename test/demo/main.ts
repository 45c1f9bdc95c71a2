import { cpSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { createPaint, type Paint } from '../../src/cli/paint.js';
import type { Agent } from '../lab/agent.js';
import { checkout } from '../lab/checkout.js';
import type { Lab } from '../lab/lab.js';
import { whyNoNamespaces } from '../lab/namespaces.js';
import { difference, edit, timeUntil, undo } from './edit.js';
import { createDemoLab, drawing } from './network.js';
import { countOpen, legend, measure, type Reachability, same, table } from './reachability.js';
import { excerpt } from './ruleset-excerpt.js';

const HELP = `Usage: npm run demo [-- OPTIONS]

Shows Margay at work: builds a small private network of namespaces, starts the daemon on its node, and tries with real
packets who can reach whom before, after, and while a policy is edited. Nothing outside that network is touched.

Options:
  --keep      leave it running, to play with it, until Ctrl-C
  -h, --help  print this
`;

/** A NetworkPolicy selects in its own namespace unless it says otherwise; a GlobalNetworkSet is in none. */
const OFFICE_RULE = `    - action: Allow
      protocol: TCP
      source:
        namespaceSelector: global()
        selector: from == 'office'
      destination:
        ports:
          - 5432
`;
const LIMIT_MS = 180_000;
const LOOK_EVERY_MS = 1500;

const say = (text = ''): void => void process.stdout.write(`${text}\n`);

async function demo(keep: boolean): Promise<void> {
  const paint = createPaint({ stdout: process.stdout, environment: process.env });
  const title = titles(paint);
  say(paint('bold', 'Margay keeps the nftables rules of a Linux node equal to its Calico policies.'));
  say('This demo shows it on a private network of namespaces; nothing else on this machine is touched.');

  title('The network');
  const lab = await createDemoLab();
  say(drawing.slice(1));

  title('Without Margay, everybody reaches everything');
  const open = await measure(lab);
  say(table(open, paint));

  title('Margay starts');
  const resources = join(lab.directory, 'resources');
  cpSync(join(checkout, 'rules/examples/demo'), resources, { recursive: true });
  say(`The resources, copied from rules/examples/demo:\n${inventory(resources)}`);
  say(`\n  $ margay run --node node0 --datastore file:${resources} --run-dir ${join(lab.directory, 'agent/run')}`);
  const started = performance.now();
  const agent = await lab.startAgent({ resources });
  say(`  ready after ${((performance.now() - started) / 1000).toFixed(1)} s\n`);
  const closed = await measure(lab);
  say(table(closed, paint, open));
  say(`${legend}\n`);
  explain(open, closed);

  title('What the kernel has');
  say('  $ nft list table inet margay      (four of its chains)\n');
  say(await chains(lab, paint));

  title('A policy is edited while it runs');
  const edited = await editPolicy(lab, agent, resources, closed, paint);

  title('A typing error opens and closes nothing');
  await makeMistake(lab, agent, resources, edited, paint);

  title('Where to go next');
  say(next());
  if (keep) await play(lab, agent, resources, paint);
  await lab.close();
}

function titles(paint: Paint): (text: string) => void {
  let number = 0;
  return (text) => say(`\n${paint('bold', `${++number}. ${text}`)}\n`);
}

function inventory(directory: string): string {
  const objects = (file: string) => {
    const text = readFileSync(join(directory, file), 'utf8');
    return [...text.matchAll(/^kind: (\S+)\n(?:.*\n)*? {2}name: (\S+)/gm)].map(([, kind, name]) => `${kind} ${name}`);
  };
  return readdirSync(directory)
    .map((file) => `  ${file.padEnd(18)} ${objects(file).join(', ')}`)
    .join('\n');
}

function explain(open: Reachability, closed: Reachability): void {
  const [before, after] = [countOpen(open), countOpen(closed)];
  say(`${before.open} of ${before.all} were open, ${after.open} are. Some of them are worth a second look:`);
  say('  node0 ssh      no policy allows it: it is one of the failsafe ports, so that nobody locks himself out');
  say('  node0 metrics  the policy edge allows it from the network set that is labelled from=office');
  say('  from backup    comes in through eth1; no host endpoint names eth1, so it is left alone');
  say('  web to db      both are judged: egress of web (its profile allows it), then ingress of db (its policy does)');
}

async function chains(lab: Lab, paint: Paint): Promise<string> {
  const listing = await lab.must('node0', ['nft', 'list', 'table', 'inet', 'margay']);
  const edge = /^\tchain host-ingress-\S+ \{/;
  const web = /^\tchain workload-ingress-\S+ \{\n.*shop\/web/;
  const db = /^\tchain workload-ingress-\S+ \{\n.*shop\/db/;
  const wanted = [/^\tchain forward-to-workload \{/, edge, web, db];
  return excerpt(listing, wanted, process.stdout.columns || 140, paint);
}

async function editPolicy(
  lab: Lab,
  agent: Agent,
  resources: string,
  before: Reachability,
  paint: Paint,
): Promise<Reachability> {
  const change = edit(join(resources, '40-db.yaml'), '  ingress:\n', `  ingress:\n${OFFICE_RULE}`);
  const ms = await timeUntil(lab, ['x1', 'db', 'tcp/5432'], 'allow');
  const { lastApply } = await agent.status({ waitSeconds: 10 });
  say(`  40-db.yaml\n${difference(change, paint)}\n`);
  const after = await measure(lab);
  say(table(after, paint, before));
  const { ms: transactionMs = 0, changes = 0 } = lastApply ?? {};
  say(`\nThe first answer came ${Math.round(ms)} ms after the file was saved.`);
  if (changes > 0) say(`Its transaction, ${changes} changes at once, took ${Math.round(transactionMs)} ms.`);
  return after;
}

async function makeMistake(
  lab: Lab,
  agent: Agent,
  resources: string,
  before: Reachability,
  paint: Paint,
): Promise<void> {
  const mistake = edit(join(resources, '30-web.yaml'), 'action: Allow', 'action: Alow');
  await agent.status({ waitSeconds: 10 });
  say(`  30-web.yaml\n${difference(mistake, paint)}\n`);
  const after = await measure(lab);
  say(same(after, before) ? 'Everybody reaches what he reached before.' : table(after, paint, before));
  say('\n  $ margay status\n');
  const { stdout } = await agent.margay(['status']);
  say(stdout.replace(/^(?=.)/gm, '  ').trimEnd());
  undo(mistake);
}

function next(): string {
  return [
    '  npm run demo -- --keep            the same network to play with',
    '  README.md                         install it, write your first policy, run it as a service',
    '  rules/examples/                   policies to start from',
    '  node dist/cli/main.js --help      all commands: render a ruleset without root, check resources, explain a packet',
    '  npm test                          the tests; most of them need no root',
  ].join('\n');
}

/** The table again whenever it changes, until Ctrl-C. */
async function play(lab: Lab, agent: Agent, resources: string, paint: Paint): Promise<void> {
  const namespace = (host: string) => `ip netns exec ${lab.namespace(host)}`;
  const inside = process.env.MARGAY_DEMO_USER === undefined ? '' : enterUserNamespace();
  const program = relative(process.cwd(), join(checkout, 'dist/cli/main.js'));
  say(`\n${paint('bold', 'It keeps running until Ctrl-C.')} In another terminal${inside === '' ? ', as root' : ''}:\n`);
  if (inside !== '') say(`  ${inside}     first, to get in\n`);
  say(`  edit the files in ${resources}: the table is printed again here`);
  say(`  ${namespace('x0')} bash -c 'echo hello >/dev/tcp/10.65.0.2/80 && echo open'`);
  say(`  ${namespace('node0')} nft list table inet margay`);
  say(`  node ${program} status --run-dir ${agent.runDirectory}`);
  say(`  tail -f ${agent.logFile}`);
  let shown = await measure(lab);
  for (;;) {
    await pause(LOOK_EVERY_MS);
    if (agent.pid() === undefined) throw new Error(`the daemon ended; its log is\n${agent.log()}`);
    const now = await measure(lab);
    if (same(now, shown)) continue;
    say(`\n${new Date().toTimeString().slice(0, 8)}\n${table(now, paint, shown)}`);
    shown = now;
  }
}

function enterUserNamespace(): string {
  return `nsenter --target ${process.pid} --user --mount --preserve-credentials`;
}

function options(): { readonly keep?: boolean; readonly help?: boolean } {
  try {
    const known = { keep: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } } as const;
    return parseArgs({ options: known }).values;
  } catch (error) {
    process.stderr.write(`demo: ${error instanceof Error ? error.message : error}\n\n${HELP}`);
    process.exit(2);
  }
}

async function main(): Promise<void> {
  const { keep = false, help = false } = options();
  if (help) return say(HELP.trimEnd());
  const reason = whyNoNamespaces();
  if (reason !== undefined) throw new Error(`this machine does not let us make network namespaces: ${reason}`);
  if (!keep) setTimeout(() => giveUp(new Error('it takes far too long; is this machine very busy?')), LIMIT_MS).unref();
  await demo(keep);
  process.exit(0);
}

function giveUp(error: unknown): never {
  process.stderr.write(`\ndemo: ${error instanceof Error ? error.message : error}\n`);
  process.exit(1);
}

main().catch(giveUp);
