import t, { type Test } from 'tap';
import { dampLosses } from '../../src/interfaces/damp-losses.js';
import { fakeClock } from '../../src/interfaces/fake-clock.js';
import { fakeInterfaces } from '../../src/interfaces/fake-interfaces.js';
import { fakeIp } from '../../src/interfaces/fake-ip.js';
import { followInterfaces } from '../../src/interfaces/follow-interfaces.js';
import { InterfaceError } from '../../src/interfaces/interface-error.js';
import type { Interface, InterfaceListener, Interfaces } from '../../src/interfaces/interface-source.js';
import { indexInMonitorLine } from '../../src/interfaces/monitor-line.js';
import { interfacesFromJson } from '../../src/interfaces/parse-addresses.js';
import { runIp } from '../../src/interfaces/run-ip.js';

function link(index: number, name: string, addresses: readonly string[] = [], up = true): Interface {
  return { name, index, up, addresses };
}

const LO = link(1, 'lo', ['127.0.0.1', '::1']);
const ETH0 = link(2, 'eth0', ['10.0.0.1']);
const named = (...interfaces: Interface[]): Interfaces => new Map(interfaces.map((one) => [one.name, one]));

t.test('interfacesFromJson', async (t) => {
  const device = { ifindex: 2, ifname: 'v0', flags: ['UP'], operstate: 'UP', addr_info: [] };
  const parse = (...devices: object[]) => interfacesFromJson(JSON.stringify(devices));

  // iproute2 6.1; what is not needed is partly left out.
  const text = `[{"ifindex":1,"ifname":"lo","flags":["LOOPBACK","UP","LOWER_UP"],"mtu":65536,"operstate":"UNKNOWN",
    "addr_info":[{"family":"inet","local":"127.0.0.1","prefixlen":8,"scope":"host","label":"lo"},
                 {"family":"inet6","local":"::1","prefixlen":128,"scope":"host"}]},
    {"ifindex":2,"link":"v0","ifname":"v1","flags":["NO-CARRIER","BROADCAST","UP","M-DOWN"],"operstate":"LOWERLAYERDOWN",
    "addr_info":[{"family":"inet","local":"10.9.0.1","address":"10.9.0.2","prefixlen":32,"scope":"global","label":"v1"},
                 {"family":"inet6","local":"fe80::e0cc:3eff:fe56:bacb","prefixlen":64,"scope":"link"}]},
    {"ifindex":3,"link":"v1","ifname":"v0","flags":["BROADCAST"],"operstate":"DOWN",
    "addr_info":[{"family":"inet","local":"10.0.0.2","prefixlen":24,"scope":"global","secondary":true,"label":"v0"},
                 {"family":"inet","local":"10.0.0.1","prefixlen":24,"scope":"global","label":"v0:old"}]}]`;
  t.strictSame(
    interfacesFromJson(text),
    named(
      LO,
      link(2, 'v1', ['10.9.0.1', 'fe80::e0cc:3eff:fe56:bacb'], false),
      link(3, 'v0', ['10.0.0.1', '10.0.0.2'], false),
    ),
  );

  t.equal(parse({ ...device, operstate: 'DORMANT' }).get('v0')?.up, false);
  t.equal(parse({ ...device, operstate: 'UNKNOWN', flags: [] }).get('v0')?.up, false);
  const addr_info = [
    { family: 'inet6', local: 'FD00:0:0::01' },
    { family: 'inet6', local: 'fe80::1%v0' },
    { family: 'inet6', local: '::ffff:10.0.0.3' },
    { family: 'inet', local: '10.0.0.3', address: '10.0.0.4' },
    { family: 'mctp', local: '8' },
    {},
  ];
  t.strictSame(parse({}, { ...device, addr_info }).get('v0')?.addresses, ['10.0.0.3', 'fd00::1', 'fe80::1']);
  t.strictSame(parse(), new Map());

  const address = (local: unknown) => JSON.stringify([{ ...device, addr_info: [{ family: 'inet', local }] }]);
  const refused: Record<string, RegExp> = {
    '': /"ip -j address show": it is empty/,
    '1: lo: <LOOPBACK,UP> mtu 65536': /it is not JSON/,
    '{"kind": "List"}': /expected array/,
    '[1]': /: 0: .*expected object/,
    '[{"ifname": "v0"}]': /: 0\.ifindex: /,
    '[{"ifindex":1,"ifname":"lo","flags":["UP"],"operstate":"UNKNOWN"}]': /: 0\.addr_info: /,
    [JSON.stringify([device, device])]: /"v0" is in it twice/,
    [address('010.0.0.1')]: /interface v0 has "010.0.0.1" as an address/,
    [address('10.1')]: /"10.1"/,
    [address(undefined)]: /interface v0 has undefined/,
    [address(1)]: /0\.addr_info\.0\.local: /,
  };
  for (const [text, message] of Object.entries(refused)) {
    t.throws(() => interfacesFromJson(text), { name: 'InterfaceError', code: 'unreadable', message }, text);
  }
});

t.test('indexInMonitorLine', async (t) => {
  const lines: Record<string, number | undefined> = {
    '1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN group default \\    link/loopback 00:00': 1,
    '12: v1@NONE: <BROADCAST,MULTICAST> mtu 1500 qdisc noop state DOWN group default \\    link/ether e2:cc': 12,
    '3: v0    inet6 fd00::1/64 scope global tentative \\       valid_lft forever preferred_lft forever': 3,
    'Deleted 3: v0    inet 10.0.0.1/24 scope global v0\\       valid_lft forever preferred_lft forever': 3,
    'Deleted 4: v1@v0: <BROADCAST> mtu 1500 master br0 state LOWERLAYERDOWN \\    link/ether e2:cc': 4,
    '': undefined,
    '    link/ether e2:cc': undefined,
    'nsid 0 (iproute2 netns name: 5: x)': undefined,
  };
  for (const [line, index] of Object.entries(lines)) t.equal(indexInMonitorLine(line), index, line);
});

t.test('dampLosses', async (t) => {
  const setUp = () => {
    const clock = fakeClock();
    const told: Interfaces[] = [];
    const damper = dampLosses(clock, (interfaces) => told.push(interfaces));
    return { clock, told, damper };
  };

  t.test('gains at once, losses after 100 ms', async (t) => {
    const { clock, told, damper } = setUp();
    damper.update(named());
    t.strictSame(told, [named()], 'the first one is told even if there is nothing');
    damper.update(named(ETH0));
    damper.update(named({ ...ETH0, addresses: ['10.0.0.1', '10.0.0.2'] }));
    t.equal(told.length, 3);
    damper.update(named({ ...ETH0, addresses: ['10.0.0.2'], up: false }));
    await clock.advance(99);
    t.equal(told.length, 3);
    await clock.advance(1);
    t.strictSame(told.slice(3), [named(link(2, 'eth0', ['10.0.0.2'], false))]);
    damper.update(named());
    await clock.advance(99);
    t.equal(told.length, 4);
    await clock.advance(1);
    t.strictSame(told.slice(4), [named()]);
    t.equal(clock.pending(), 0);
  });

  t.test('what comes back in time was never away', async (t) => {
    const { clock, told, damper } = setUp();
    damper.update(named(LO, ETH0));
    damper.update(named(LO, { ...ETH0, addresses: [], up: false }));
    await clock.advance(60);
    damper.update(named(LO));
    await clock.advance(30);
    damper.update(named(LO, { ...ETH0, addresses: [...ETH0.addresses] }));
    await clock.advance(1000);
    t.equal(told.length, 1);
  });

  t.test('a link that comes back as another one keeps what it had for the rest of the time', async (t) => {
    const { clock, told, damper } = setUp();
    damper.update(named(ETH0));
    damper.update(named());
    await clock.advance(40);
    damper.update(named(link(7, 'eth0', ['10.0.0.9'], false)));
    t.strictSame(told.slice(1), [named(link(7, 'eth0', ['10.0.0.1', '10.0.0.9'], true))]);
    await clock.advance(59);
    t.equal(told.length, 2);
    await clock.advance(1);
    t.strictSame(told.slice(2), [named(link(7, 'eth0', ['10.0.0.9'], false))]);
  });

  t.test('each loss has its own time', async (t) => {
    const { clock, told, damper } = setUp();
    const three = { ...ETH0, addresses: ['10.0.0.1', '10.0.0.2', '10.0.0.3'] };
    damper.update(named(three));
    damper.update(named({ ...three, addresses: ['10.0.0.2', '10.0.0.3'] }));
    await clock.advance(50);
    damper.update(named({ ...three, addresses: ['10.0.0.3'] }));
    await clock.advance(50);
    t.strictSame(told.at(-1)?.get('eth0')?.addresses, ['10.0.0.2', '10.0.0.3']);
    await clock.advance(50);
    t.strictSame(told.at(-1)?.get('eth0')?.addresses, ['10.0.0.3']);
    t.equal(told.length, 3);
  });

  t.test('interfaces that do not change keep their identity, and stop is the end', async (t) => {
    const { clock, told, damper } = setUp();
    damper.update(named(LO, ETH0));
    damper.update(named({ ...LO }, { ...ETH0, up: false }, link(3, 'eth1')));
    await clock.advance(100);
    t.equal(told.length, 3);
    t.equal(told[2]?.get('lo'), LO);
    t.not(told[2], told[1]);
    damper.update(named(LO));
    damper.stop();
    await clock.advance(1000);
    t.equal(told.length, 3);
  });
});

/** A source on a fake ip command and clock, started, and what it told. */
function follow(t: Test, initial: readonly Interface[], options: { refreshSeconds?: number } = {}) {
  const ip = fakeIp(initial);
  const clock = fakeClock();
  const told: (Interfaces | string | undefined)[] = [];
  const listener: InterfaceListener = {
    changed: (interfaces) => told.push(interfaces),
    problem: (reason) => told.push(reason),
  };
  const source = followInterfaces({ ip, clock, ...options });
  t.teardown(() => source.stop());
  source.start(listener);
  return { ip, clock, told, source };
}

t.test('followInterfaces', async (t) => {
  t.test('lists once, then what the events are about', async (t) => {
    const { ip, clock, told } = follow(t, [LO]);
    await clock.advance(0);
    t.strictSame(told, [named(LO)]);
    ip.set([LO, ETH0]);
    await clock.advance(9);
    t.strictSame(ip.listed, ['all'], 'waits for more events');
    ip.set([LO, { ...ETH0, addresses: [] }]);
    await clock.advance(1);
    t.strictSame(ip.listed, ['all', 2], 'not longer than 10 ms, and once');
    t.strictSame(told.at(-1), named(LO, { ...ETH0, addresses: [] }));
    ip.set([LO]);
    await clock.advance(109);
    t.equal(told.length, 2);
    await clock.advance(1);
    t.strictSame(told.slice(2), [named(LO)]);
  });

  t.test('a rename is the old name gone and the new one there', async (t) => {
    const { ip, clock, told } = follow(t, [LO, ETH0]);
    await clock.advance(0);
    ip.set([LO, { ...ETH0, name: 'lan' }]);
    await clock.advance(200);
    t.strictSame(told.slice(1), [named(LO, ETH0, { ...ETH0, name: 'lan' }), named(LO, { ...ETH0, name: 'lan' })]);
  });

  t.test('two links swap their names', async (t) => {
    const { ip, clock, told } = follow(t, [LO, ETH0, link(3, 'eth1', ['10.0.0.2'])]);
    await clock.advance(0);
    const swapped = [LO, link(3, 'eth0', ['10.0.0.2']), link(2, 'eth1', ['10.0.0.1'])];
    ip.set(swapped);
    await clock.advance(200);
    t.strictSame(told.at(-1), named(...swapped));
  });

  t.test('a link is deleted and its name given to a new one', async (t) => {
    const { ip, clock, told } = follow(t, [LO, ETH0]);
    await clock.advance(0);
    ip.set([LO, link(9, 'eth0', ['10.0.0.1'])]);
    await clock.advance(200);
    t.strictSame(told.slice(1), [named(LO, link(9, 'eth0', ['10.0.0.1']))]);
  });

  t.test('many events at once make one listing of all', async (t) => {
    const { ip, clock, told } = follow(t, [LO]);
    await clock.advance(0);
    const many = Array.from({ length: 1000 }, (_, i) => link(i + 2, `v${i}`));
    ip.set([LO, ...many]);
    await clock.advance(50);
    t.strictSame(ip.listed, ['all', 'all']);
    t.equal(told.length, 2);
    t.strictSame(told[1], named(LO, ...many));
  });

  t.test('a line that can not be read makes a listing of all', async (t) => {
    const { ip, clock } = follow(t, [LO]);
    await clock.advance(0);
    ip.print('something new');
    await clock.advance(50);
    t.strictSame(ip.listed, ['all', 'all']);
  });

  t.test('another device answers to the number', async (t) => {
    const impostor = link(5, 'if2');
    const ip = fakeIp([LO, ETH0, impostor]);
    const { list } = ip;
    const clock = fakeClock();
    const told: Interfaces[] = [];
    const asked: (number | undefined)[] = [];
    const source = followInterfaces({
      ip: {
        ...ip,
        list: (index, signal) => {
          asked.push(index);
          return list(index === 2 ? 5 : index, signal);
        },
      },
      clock,
    });
    source.start({ changed: (interfaces) => told.push(interfaces), problem: () => {} });
    await clock.advance(0);
    ip.set([LO, { ...ETH0, addresses: ['10.0.0.1', '10.0.0.2'] }, impostor]);
    await clock.advance(50);
    t.strictSame(asked, [undefined, 2, undefined]);
    t.strictSame(told.at(-1)?.get('eth0')?.addresses, ['10.0.0.1', '10.0.0.2']);
    await source.stop();
  });

  t.test('events while a listing runs make another one', async (t) => {
    const { ip, clock, told } = follow(t, [LO]);
    await clock.advance(0);
    const release = ip.holdLists();
    ip.set([LO, ETH0]);
    await clock.advance(10);
    ip.set([LO, { ...ETH0, addresses: ['10.0.0.1', '10.0.0.2'] }]);
    await clock.advance(50);
    t.strictSame(ip.listed, ['all', 2]);
    release();
    await clock.advance(10);
    t.strictSame(ip.listed, ['all', 2, 2]);
    t.strictSame(told.at(-1), named(LO, { ...ETH0, addresses: ['10.0.0.1', '10.0.0.2'] }));
  });

  t.test('the monitor ends: told, started again, everything listed', async (t) => {
    const { ip, clock, told } = follow(t, [LO, ETH0]);
    await clock.advance(0);
    ip.endMonitor('it ended with signal SIGKILL');
    t.strictSame(told.slice(1), ['it ended with signal SIGKILL']);
    ip.set([LO, link(3, 'eth1')]);
    await clock.advance(99);
    t.strictSame(ip.listed, ['all']);
    await clock.advance(1);
    t.strictSame(
      told.slice(2),
      [named(LO, ETH0, link(3, 'eth1')), undefined],
      'the list first, then the end of the problem',
    );
    await clock.advance(100);
    t.strictSame(told.slice(4), [named(LO, link(3, 'eth1'))]);
    ip.set([LO]);
    await clock.advance(200);
    t.strictSame(told.at(-1), named(LO), 'it follows again');
    t.equal(ip.monitors(), 1);
  });

  t.test('the delay doubles to 10 s, and is short again after a good time', async (t) => {
    const { ip, clock, told } = follow(t, [LO], { refreshSeconds: 0 });
    ip.failLists('no memory');
    const starts: number[] = [];
    let seen = 0;
    await clock.advance(0);
    while (clock.now() < 50_000) {
      if (ip.listed.length > seen) starts.push(clock.now());
      seen = ip.listed.length;
      await clock.advance(100);
    }
    t.strictSame(starts.slice(0, 10), [0, 100, 300, 700, 1500, 3100, 6300, 12_700, 22_700, 32_700]);
    t.same(new Set(told), new Set(['no memory']));
    t.equal(ip.monitors(), 0);
    ip.failLists(undefined);
    await clock.advance(10_000);
    t.strictSame(told.slice(-2), [named(LO), undefined]);
    ip.endMonitor('short');
    await clock.advance(9900);
    t.equal(told.at(-1), 'short', 'it did not work for long enough');
    await clock.advance(100);
    t.equal(told.at(-1), undefined);
    await clock.advance(10_000);
    ip.endMonitor('long');
    await clock.advance(100);
    t.equal(told.at(-1), undefined);
  });

  t.test('a failed listing of one device is a failure too; the list stands', async (t) => {
    const { ip, clock, told } = follow(t, [LO, ETH0]);
    await clock.advance(0);
    ip.failLists('no memory');
    ip.set([LO]);
    await clock.advance(10);
    t.strictSame(told.slice(1), ['no memory']);
    ip.failLists(undefined);
    await clock.advance(300);
    t.strictSame(told.slice(2), [undefined, named(LO)]);
  });

  t.test('an empty list is not believed', async (t) => {
    const { clock, told } = follow(t, []);
    await clock.advance(0);
    t.strictSame(told, ['ip lists no interface at all']);
  });

  t.test('everything is listed regularly', async (t) => {
    const { ip, clock, told } = follow(t, [LO], { refreshSeconds: 90 });
    await clock.advance(180_100);
    t.strictSame(ip.listed, ['all', 'all', 'all']);
    t.equal(told.length, 1, 'nothing new, nothing told');
  });

  t.test('after stop nothing is told and nothing runs', async (t) => {
    for (const when of ['idle', 'listing', 'coalescing', 'damping', 'waiting']) {
      const { ip, clock, told, source } = follow(t, [LO, ETH0]);
      await clock.advance(0);
      const release = when === 'listing' ? ip.holdLists() : () => {};
      if (when !== 'idle') ip.set([LO]);
      if (when === 'listing' || when === 'damping') await clock.advance(10);
      if (when === 'waiting') ip.endMonitor('gone');
      const before = [...told];
      const stopped = source.stop();
      release();
      await stopped;
      await clock.advance(100_000);
      t.strictSame(told, before, when);
      t.equal(ip.monitors(), 0, when);
      t.equal(clock.pending(), 0, when);
    }
  });
});

t.test('the ip command is missing', async (t) => {
  const ip = runIp(['/nonexistent/ip']);
  await t.rejects(ip.list(undefined, new AbortController().signal), { code: 'missing', message: /install iproute2/ });
  await t.rejects(ip.list(undefined, new AbortController().signal), InterfaceError);
  const reason = await new Promise<string>((resolve) => ip.monitor(() => {}, resolve));
  t.match(reason, /"ip" was not found: install iproute2/);
});

t.test('runIp tells what the command says', async (t) => {
  const { signal } = new AbortController();
  const shell = (script: string) => runIp(['sh', '-c', script]);
  await t.rejects(shell('echo "Object \\"x\\" is unknown" >&2; exit 1').list(undefined, signal), {
    code: 'failed',
    message: /failed: Object "x" is unknown/,
  });
  await t.rejects(shell('kill -9 $$').list(undefined, signal), { message: /failed: signal SIGKILL/ });
  await t.rejects(shell('exit 3').list(undefined, signal), { message: /failed: exit status 3/ });
  await t.rejects(shell('echo "RTNETLINK answers: No buffer space" >&2; echo "[]"').list(7, signal), {
    code: 'failed',
  });
  t.equal(await shell('echo "Device \\"if7\\" does not exist." >&2; exit 1').list(7, signal), '[]');
  const interrupted = shell('echo "Dump was interrupted and may be inconsistent." >&2; echo "[{}]"');
  t.equal(await interrupted.list(undefined, signal), '[{}]', 'not for ever again');
  const abort = new AbortController();
  const pending = shell('exec sleep 60').list(undefined, abort.signal);
  abort.abort();
  await t.rejects(pending, { name: 'InterfaceError' });

  const lines: string[] = [];
  const monitor = (script: string) =>
    new Promise<string>((resolve) => shell(script).monitor((line) => lines.push(line), resolve));
  t.match(
    await monitor('printf "1: l"; sleep 0.05; printf "o: x\\n2: v0: y\\nrest"; exit 0'),
    /ended with exit status 0/,
  );
  t.strictSame(lines, ['1: lo: x', '2: v0: y']);
  t.match(
    await monitor('echo "netlink receive error No buffer space available (105)" >&2; exec sleep 60'),
    /failed: netlink receive error No buffer space available/,
  );
});

t.test('fakeInterfaces', async (t) => {
  const source = fakeInterfaces([LO]);
  const told: unknown[] = [];
  source.start({ changed: (interfaces) => told.push(interfaces), problem: (reason) => told.push(reason) });
  t.strictSame(told, [], 'not inside of start');
  await Promise.resolve();
  source.set([{ ...LO }, ETH0]);
  source.set([LO, { ...ETH0 }]);
  t.strictSame(told, [named(LO), named(LO, ETH0)]);
  source.problem('broken');
  source.problem(undefined);
  t.strictSame(told.slice(2), ['broken', undefined]);
  await source.stop();
  source.set([LO]);
  t.equal(told.length, 4);
});
