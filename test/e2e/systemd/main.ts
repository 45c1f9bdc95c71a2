import { mkdirSync } from 'node:fs';
import { createChecks } from '../checks.js';
import { createMachine, succeed } from '../machine.js';
import { createMachineSite } from '../machine-site.js';
import { playAll } from '../site.js';
import { startContainer } from './nspawn-machine.js';

const [deb = '', root = ''] = process.argv.slice(2);
const LAB = '/run/margay-e2e';
mkdirSync(`${LAB}/shared`, { recursive: true });
for (const line of [
  'link set lo up',
  'link add br0 type bridge',
  'link set br0 up',
  'netns add client',
  'link add v-client type veth peer name eth1 netns client',
  'link set v-client master br0 up',
  '-n client addr add 10.88.0.20/24 dev eth1',
  '-n client link set eth1 up',
  '-n client link set lo up',
])
  await succeed(['ip', ...line.split(' ')]);
const checks = createChecks();
const boot = (name: string, address: string) =>
  startContainer({ name, address, root, bridge: 'br0', directory: `${LAB}/${name}`, shared: `${LAB}/shared` });
const node = await boot('node1', '10.88.0.11');
const peer = await boot('node2', '10.88.0.12');
console.log(
  await node.sh('systemctl --failed --no-legend; systemctl is-active systemd-networkd || true; ip -br a; ls /srv/shared'),
);
for (const m of [node, peer]) {
  await m.put('/etc/systemd/network/eth1.network', `[Match]\nName=eth1\n[Network]\nAddress=${m.address}/24\n`);
  await m.sh('systemctl enable --now systemd-networkd && systemctl mask systemd-networkd-wait-online');
}
const driver = {
  name: 'client',
  address: '10.88.0.20',
  enter: (argv: readonly string[]) => ['nsenter', '--net=/run/netns/client', '--', ...argv],
  reboot: async () => undefined,
  powerCut: async () => undefined,
};
await node.must(['sh', '-c', 'cat > /root/margay.deb'], { input: '' });
await succeed(['cp', deb, `${LAB}/shared/margay.deb`]);
console.log(await node.sh('dpkg -i /srv/shared/margay.deb || journalctl -u margay --no-pager | tail -30; margay status --wait'));
const site = await createMachineSite({ node, peer, client: createMachine(driver) }, LAB, { waitMs: 400 });
await playAll(site, checks);
const t0 = Date.now();
await node.reboot();
console.log('reboot', Date.now() - t0);
await node.powerCut();
console.log('cut', Date.now() - t0);
console.log(
  await node.sh('systemctl --failed --no-legend; systemctl is-active systemd-networkd; ip -br a; systemctl status margay'),
);
site.close();
await node.end();
await peer.end();
process.exit(checks.finish());
