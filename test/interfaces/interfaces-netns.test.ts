import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { execa } from 'execa';
import t, { type Test } from 'tap';
import { followInterfaces } from '../../src/interfaces/follow-interfaces.js';
import type { Interfaces } from '../../src/interfaces/interface-source.js';
import { runIp } from '../../src/interfaces/run-ip.js';

const PATIENCE_MS = 10_000;
const skip = process.getuid?.() === 0 ? false : 'network namespaces need root';

let count = 0;

/** A network namespace of its own, and what a source in it told. Periodic listings are off: the events must suffice. */
async function setUp(t: Test, beforeMonitor = ':') {
  const namespace = `margay-if-${process.pid}-${count++}`;
  await execa('ip', ['netns', 'add', namespace]);
  t.teardown(() => execa('ip', ['netns', 'del', namespace]));
  const pidFile = join(t.testdir(), 'pid');
  // exec keeps the process id, so the file has that of the monitor.
  const script = `case "$*" in *monitor*) echo $$ >"${pidFile}"; ${beforeMonitor} ;; esac; exec ip -n ${namespace} "$@"`;
  const told: Interfaces[] = [];
  const problems: (string | undefined)[] = [];
  const source = followInterfaces({ ip: runIp(['sh', '-c', script, 'ip']), refreshSeconds: 0 });
  t.teardown(() => source.stop());
  return {
    source,
    told,
    problems,
    start: () => {
      source.start({ changed: (interfaces) => told.push(interfaces), problem: (reason) => problems.push(reason) });
    },
    ip: (command: string) => execa('ip', ['-n', namespace, ...command.split(' ')]),
    batch: (lines: readonly string[]) => execa('ip', ['-n', namespace, '-batch', '-'], { input: lines.join('\n') }),
    monitorPid: async () => Number(await readFile(pidFile, 'utf8')),
    until: async (what: string, holds: (interfaces: Interfaces) => boolean) => {
      const isSo = () => told.length > 0 && holds(told.at(-1) ?? new Map());
      for (const start = performance.now(); !isSo() && performance.now() - start < PATIENCE_MS; ) await pause(5);
      return t.ok(isSo(), what, { last: Object.fromEntries(told.at(-1) ?? []) });
    },
  };
}

const ipv4 = (interfaces: Interfaces, name: string): string | undefined =>
  interfaces
    .get(name)
    ?.addresses.filter((address) => address.includes('.'))
    .join(' ');

t.test('links and addresses come and go', { skip }, async (t) => {
  const { start, ip, until, told, problems, source } = await setUp(t);
  start();
  await until('the first list has lo', (all) => all.size === 1 && all.get('lo')?.up === false);
  await ip('link set lo up');
  await until('lo is up, its state is UNKNOWN', (all) => all.get('lo')?.up === true && ipv4(all, 'lo') === '127.0.0.1');
  await ip('link add v0 type veth peer name v1');
  await until('both ends appear', (all) => all.get('v0')?.up === false && all.get('v1')?.up === false);
  await ip('address add 10.0.0.1/24 dev v0');
  await ip('address add 10.0.0.2/24 dev v0');
  await until('primary and secondary address', (all) => ipv4(all, 'v0') === '10.0.0.1 10.0.0.2');
  await ip('address add 10.9.0.1 peer 10.9.0.2/32 dev v1');
  await until('the own address of a point-to-point link', (all) => ipv4(all, 'v1') === '10.9.0.1');
  await ip('address add fd00::1/64 dev v0');
  await until('IPv6', (all) => all.get('v0')?.addresses.includes('fd00::1') === true);
  await ip('link set v0 up');
  await ip('link set v1 up');
  await until('up', (all) => all.get('v0')?.up === true && all.get('v1')?.up === true);
  await ip('link set v1 down');
  await until('down at both ends', (all) => all.get('v0')?.up === false && all.get('v1')?.up === false);

  await ip('address del 10.0.0.2/24 dev v0');
  await ip('address add 10.0.0.2/24 dev v1');
  await until('the address moves', (all) => ipv4(all, 'v0') === '10.0.0.1' && ipv4(all, 'v1') === '10.0.0.2 10.9.0.1');

  const index = told.at(-1)?.get('v0')?.index;
  await ip('link set v0 name w@0');
  await until('renamed', (all) => !all.has('v0') && all.get('w@0')?.index === index && ipv4(all, 'w@0') === '10.0.0.1');

  await ip('link add b0 type bridge');
  await ip('link set v1 master b0');
  await ip('link set v1 nomaster');
  await ip('address add 10.1.0.1/24 dev b0');
  await until('the bridge appears', (all) => ipv4(all, 'b0') === '10.1.0.1');
  t.ok(told.at(-1)?.has('v1'), 'leaving a bridge is not taken for a deletion');
  await ip('link del w@0');
  await until('both ends vanish', (all) => [...all.keys()].sort().join(' ') === 'b0 lo');
  t.strictSame(problems, []);
  t.ok(told.every((all, i) => i === 0 || all !== told[i - 1]));
  await source.stop();
});

t.test('what changes before the monitor follows is not missed', { skip }, async (t) => {
  const { start, ip, until, told } = await setUp(t, 'sleep 0.3');
  start();
  await pause(150);
  t.strictSame(told, [], 'the list waits for the monitor');
  await ip('link add v0 type veth peer name v1');
  await until('listed', (all) => all.has('v0') && all.has('v1'));
});

t.test('an address that is away for a moment only', { skip }, async (t) => {
  const { start, ip, batch, until, told } = await setUp(t);
  await batch(['link add v0 type veth peer name v1', 'address add 10.0.0.1/24 dev v0']);
  start();
  await until('listed', (all) => ipv4(all, 'v0') === '10.0.0.1');
  await batch(['address del 10.0.0.1/24 dev v0', 'address add 10.0.0.1/24 dev v0']);
  await ip('address add 10.0.0.7/24 dev v1');
  await until('a later change', (all) => ipv4(all, 'v1') === '10.0.0.7');
  t.ok(
    told.every((all) => ipv4(all, 'v0') === '10.0.0.1'),
    'was never missing',
  );
});

t.test('200 links at once, then none', { skip }, async (t) => {
  const { start, batch, until, problems } = await setUp(t);
  start();
  await until('listed', (all) => all.size === 1);
  const pairs = Array.from({ length: 100 }, (_, i) => i);
  await batch(
    pairs.flatMap((i) => [`link add v${i} type veth peer name w${i}`, `address add 10.0.${i}.1/24 dev v${i}`]),
  );
  await until('all there', (all) => all.size === 201 && pairs.every((i) => ipv4(all, `v${i}`) === `10.0.${i}.1`));
  await batch(pairs.map((i) => `link del v${i}`));
  await until('all gone', (all) => all.size === 1);
  t.strictSame(problems, []);
});

t.test('the monitor is killed', { skip }, async (t) => {
  const { start, ip, until, told, problems, monitorPid, source } = await setUp(t);
  start();
  await until('listed', (all) => all.size === 1);
  const first = await monitorPid();
  process.kill(first, 'SIGKILL');
  await ip('link add v0 type veth peer name v1');
  await until('what happened meanwhile is found', (all) => all.has('v0'));
  await until('and the problem is over', () => problems.length === 2);
  t.match(problems[0], /"sh -c .* monitor link address" failed: it ended with signal SIGKILL/s);
  t.equal(problems[1], undefined);
  await ip('link set v0 name x0');
  await until('it follows again', (all) => all.has('x0') && !all.has('v0'));
  const second = await monitorPid();
  t.not(second, first);
  await source.stop();
  t.throws(() => process.kill(second, 0), { code: 'ESRCH' }, 'stop ends it');
  const { length } = told;
  await ip('link del x0');
  await pause(300);
  t.equal(told.length, length);
});
