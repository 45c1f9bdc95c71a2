import { deepStrictEqual, match, notStrictEqual, strictEqual } from 'node:assert';
import type { Checks } from '../checks.js';
import { findingsOf } from '../doctor.js';
import type { Machine } from '../machine.js';
import { succeed } from '../machine.js';
import type { MachineSite } from '../machine-site.js';
import { margayService } from '../margay-service.js';
import { named, open } from '../scenarios.js';
import { play, probeLines } from '../site.js';
import { withoutGap } from './unit.js';

/** Installs the package with nothing but what the machine has, and starts the service. */
export async function install(machine: Machine, deb: string): Promise<void> {
  await machine.must(['apt-get', 'install', '-qy', deb]);
  await machine.must(['systemctl', 'enable', '-q', '--now', 'margay'], { seconds: 120 });
  await machine.must(['margay', 'status', '--wait=45'], { seconds: 90 });
}

/** Makes the same package with a higher version in a directory of this machine; its path. */
export async function nextVersion(deb: string, directory: string): Promise<string> {
  const next = `${directory}/margay-next.deb`;
  const script = `dpkg-deb -R "$1" "$2/next" && sed -i 's/^Version: .*/&+next/' "$2/next/DEBIAN/control" &&
    dpkg-deb --root-owner-group -Znone -b "$2/next" "$3" >/dev/null && rm -r "$2/next"`;
  await succeed(['sh', '-euc', script, 'sh', deb, directory, next]);
  return next;
}

/** Upgrade, removal and purge. Afterwards the node is bare. `next` is a path in the machine. */
export async function lifeOfPackage(site: MachineSite, { check, section }: Checks, next: string): Promise<void> {
  const { node } = site;
  const service = margayService(node);
  section('the package');
  await play(site, named);

  await withoutGap(site, check, 'an upgrade keeps rules and configuration, and starts the new version', async () => {
    await service.settings('# mine\nlog-level: info\n');
    const [pid, ruleset] = [await service.mainPid(), await node.must(['nft', 'list', 'table', 'inet', 'margay'])];
    await node.must(['apt-get', 'install', '-qy', next], { seconds: 120 });
    await service.active();
    await service.settled();
    notStrictEqual(await service.mainPid(), pid);
    strictEqual(await node.must(['nft', 'list', 'table', 'inet', 'margay']), ruleset);
    match(await node.must(['cat', '/etc/margay/margay.yaml']), /^# mine\n/);
    match(await node.must(['dpkg', '-s', 'margay']), /^Version: .*\+next$/m);
  });

  await check(
    'margay uninstall switches off what is loaded at boot, and removes rules and the saved ruleset',
    async () => {
      await node.must(['margay', 'boot', 'enable']);
      const atBoot = (await findingsOf(node)).find(({ topic }) => topic === 'boot');
      strictEqual(atBoot?.result, 'ok', 'margay doctor knows that it is on');
      const refused = await node.exec(['margay', 'uninstall']);
      strictEqual(refused.exitCode, 1, 'a daemon runs');
      match(refused.stderr, /a daemon runs on .*stop it first/);
      strictEqual(await node.must(['systemctl', 'is-enabled', 'margay-boot']), 'enabled');
      await node.must(['systemctl', 'stop', 'margay']);
      match(await node.must(['margay', 'uninstall']), /is removed; nothing is loaded at boot any more/);
      strictEqual((await node.exec(['systemctl', 'is-enabled', 'margay-boot'])).stdout, 'disabled');
      notStrictEqual((await node.exec(['nft', 'list', 'table', 'inet', 'margay'])).exitCode, 0);
      strictEqual(await node.sh('ls /var/lib/margay | grep ruleset || :'), '');
      deepStrictEqual(await probeLines(site, open.probes), open.probes);
      await node.must(['systemctl', 'start', 'margay']);
      await play(site, named);
    },
  );

  await check('purge leaves nothing: no rule, no unit, no state', async () => {
    await node.must(['apt-get', 'purge', '-qy', 'margay'], { seconds: 120 });
    notStrictEqual((await node.exec(['nft', 'list', 'table', 'inet', 'margay'])).exitCode, 0);
    const left = await node.sh(
      'ls -d /var/lib/margay /run/margay /usr/lib/margay /lib/systemd/system/margay* 2>/dev/null || :',
    );
    strictEqual(left, '');
    strictEqual((await service.property('LoadState')) === 'loaded', false);
    deepStrictEqual(await probeLines(site, open.probes), open.probes);
  });
}
