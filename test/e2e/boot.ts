import { deepStrictEqual, match, notStrictEqual, strictEqual } from 'node:assert';
import type { Checks } from './checks.js';
import type { MachineSite } from './machine-site.js';
import { margayService } from './margay-service.js';
import { named } from './scenarios.js';
import { play, probeLines } from './site.js';

/** A listener of systemd's, there before any service is: if a port of it is open for a moment, that is seen. */
const EARLY = { open: 8081, closed: 9991 } as const;

const WITNESS = `[Unit]
Description=What is in force when the network may come up
DefaultDependencies=no
After=network-pre.target
Wants=network-pre.target
Before=network.target systemd-networkd.service
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'nft list table inet margay; systemctl is-active margay; ip -br link show dev eth1; :'
StandardOutput=file:/run/witness
StandardError=file:/run/witness.error
[Install]
WantedBy=sysinit.target
`;

const SOCKET = `[Unit]
DefaultDependencies=no
[Socket]
ListenStream=${EARLY.open}
ListenStream=${EARLY.closed}
Accept=yes
MaxConnections=1000
TriggerLimitIntervalSec=0
[Install]
WantedBy=sysinit.target
`;

const ECHO = `[Unit]
DefaultDependencies=no
[Service]
ExecStart=/bin/cat
StandardInput=socket
`;

/** Whether rules are in force before the network, when the node comes back from a power cut or a reboot; `short`: the first alone. */
export async function boot(site: MachineSite, { check, section }: Checks, short = false): Promise<void> {
  const { node } = site;
  const service = margayService(node);
  section('boot');
  await node.put('/etc/systemd/system/witness.service', WITNESS);
  await node.put('/etc/systemd/system/early.socket', SOCKET);
  await node.put('/etc/systemd/system/early@.service', ECHO);
  await node.sh(
    'systemctl daemon-reload && systemctl enable -q witness.service && systemctl enable -q --now early.socket',
  );
  const apply = () => {
    const [endpoint, policy] = named.resources(site.facts);
    if (endpoint === undefined || policy === undefined) throw new Error('the scenario has two resources');
    const ingress = [{ action: 'Allow', protocol: 'TCP', destination: { ports: [8080, EARLY.open] } }];
    return site.apply([endpoint, { ...policy, spec: { ...policy.spec, ingress } }]);
  };
  const early = [`client -> node tcp/${EARLY.open} allow`, `client -> node tcp/${EARLY.closed} deny`];
  const protectedNow = async () => {
    const lines = [...named.probes, ...early];
    deepStrictEqual(await probeLines(site, lines), lines);
  };
  /** What the witness saw. */
  const restart = async (how: 'reboot' | 'powerCut') => {
    const watch = await site.watch(EARLY.closed);
    await site.restartNode(how);
    return { seen: await node.must(['cat', '/run/witness']), answered: (await watch.stop()).answered };
  };

  await check('an open node answers early: the witness would see it', async () => {
    await site.apply([]);
    const answer = [`client -> node tcp/${EARLY.closed} allow`];
    deepStrictEqual(await probeLines(site, answer), answer);
  });

  await check('margay boot enable', async () => {
    await apply();
    await node.must(['margay', 'boot', 'enable']);
    // A power cut would take what is not on the disk yet.
    await node.must(['sync']);
    strictEqual(await node.must(['systemctl', 'is-enabled', 'margay-boot']), 'enabled');
  });

  for (const how of short ? (['powerCut'] as const) : (['powerCut', 'reboot'] as const)) {
    await check(
      `${how === 'reboot' ? 'a reboot' : 'a power cut'}: the rules are there before the network`,
      async () => {
        const { seen, answered } = await restart(how);
        match(seen, /hook input[\s\S]*\b8080\b/, 'the ruleset that was committed last');
        match(seen, /^(inactive|failed|activating)$/m, 'the daemon had not started');
        match(seen, /eth1\S* +DOWN/, 'the network was down');
        strictEqual(answered, 0, 'a closed port was answered while it started');
        await service.active();
        await protectedNow();
      },
    );
  }

  if (!short) {
    await check('a saved ruleset that was damaged: the fallback, until the daemon is there', async () => {
      await node.sh('systemctl disable -q margay && systemctl stop margay');
      await node.sh('echo "# x" >>/var/lib/margay/ruleset.nft && sync');
      const { seen, answered } = await restart('powerCut');
      const journal = await node.must(['journalctl', '-b', '-u', 'margay-boot', '-o', 'cat', '--no-pager']);
      match(journal, /does not match its digest/);
      match(seen, /hook input/, journal);
      notStrictEqual(seen.includes('8080'), true, 'not the damaged one');
      strictEqual(answered, 0);
      const lines = ['client -> node tcp/179 allow', 'client -> node tcp/8080 deny', 'client -> node tcp/9999 deny'];
      deepStrictEqual(await probeLines(site, lines), lines);
      await node.sh('systemctl enable -q --now margay');
      await service.settled();
      await protectedNow();
    });
  }
  await node.sh('systemctl enable -q --now margay');
  await node.sh('systemctl disable -q witness.service early.socket && systemctl stop early.socket');
  await check('and back to the scenario of the other checks', () => play(site, named));
}
