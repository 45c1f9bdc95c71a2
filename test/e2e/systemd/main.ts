import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { boot } from '../boot.js';
import { createChecks } from '../checks.js';
import { doctor, doctorOfTrouble } from '../doctor.js';
import { createMachineSite } from '../machine-site.js';
import { margayService } from '../margay-service.js';
import { playAll } from '../site.js';
import { install, lifeOfPackage, nextVersion } from './debian-package.js';
import { faults } from './faults.js';
import { hardening } from './hardening.js';
import { BRIDGE, createNetwork } from './network.js';
import { type ContainerMachine, startContainer } from './nspawn-machine.js';
import { otherFirewall } from './other-firewall.js';
import { sharedDirectory, sharedEtcd } from './shared-datastore.js';
import { unit } from './unit.js';

/**
 * `main.ts DIRECTORY DEB ROOT...`: all checks, over each root. It makes mounts, interfaces and namespaces freely: whoever
 * starts it gives it a mount, a network and a process namespace that end with it.
 */
const [directory = '', deb = '', ...roots] = process.argv.slice(2);
const checks = createChecks();

async function over(root: string, name: string): Promise<void> {
  const lab = join(directory, name);
  const shared = join(lab, 'shared');
  mkdirSync(shared, { recursive: true });
  copyFileSync(deb, join(shared, 'margay.deb'));
  await nextVersion(deb, shared);
  const machines: ContainerMachine[] = [];
  checks.section(name);
  try {
    for (const [node, address] of [
      ['node1', '10.88.0.11'],
      ['node2', '10.88.0.12'],
    ] as const) {
      await checks.check(`${node} boots and takes the package`, async () => {
        const machine = await startContainer({
          name: node,
          address,
          root,
          shared,
          bridge: BRIDGE,
          directory: join(lab, node),
        });
        machines.push(machine);
        await machine.put(
          '/etc/systemd/network/eth1.network',
          `[Match]\nName=eth1\n[Network]\nAddress=${address}/24\n`,
        );
        await machine.sh('systemctl mask -q systemd-networkd-wait-online; systemctl enable -q --now systemd-networkd');
        await install(machine, '/srv/shared/margay.deb');
        await margayService(machine).settings('{}\n');
      });
    }
    const [node, peer] = machines;
    if (node === undefined || peer === undefined) throw new Error('a node is missing');
    const site = await createMachineSite({ node, peer, client }, lab, { waitMs: 400 });
    await unit(site, checks);
    await hardening(site, checks);
    checks.section('scenarios');
    await playAll(site, checks);
    await sharedDirectory(site, shared, checks);
    // What is beside Margay is the same for both: it is in the root of one, see debian-root.sh.
    if (name.endsWith('trixie')) await sharedEtcd(site, checks);
    await doctor(site, checks, false);
    await doctorOfTrouble(site, checks);
    await boot(site, checks);
    await faults(site, checks);
    if (name.endsWith('trixie')) await otherFirewall(site, checks);
    await lifeOfPackage(site, checks, '/srv/shared/margay-next.deb');
    site.close();
  } finally {
    for (const machine of machines) await machine.end();
  }
}

const client = await createNetwork();
for (const root of roots) {
  const name = /debian-\w+/.exec(root)?.[0] ?? root;
  await checks.check(`${name} was tested to its end`, () => over(root, name));
}
// Whatever a check that failed has left behind.
process.exit(checks.finish());
