import { join } from 'node:path';
import t from 'tap';
import { createLab } from '../lab/lab.js';
import { createResourceStore } from '../lab/resource-store.js';
import { open, type Place, scenarios } from './scenarios.js';
import { PORTS, play, type Site } from './site.js';

/** The table of scenarios in network namespaces: what it takes to work with real systemd and real machines is left out. */

const skip = process.getuid?.() === 0 ? false : 'network namespaces need root';
const HOSTS: Readonly<Record<Place, string>> = { node: 'node0', peer: 'x1', client: 'x0', workload: 'w0' };

t.setTimeout(120_000);
t.test('the table of scenarios, in namespaces', { skip }, async (t) => {
  const lab = await createLab({ clients: ['x0', 'x1'], workloads: [{ name: 'w0' }] });
  t.teardown(() => lab.close());
  const services = [
    ...PORTS.tcp.map((port) => `tcp/${port}` as const),
    ...PORTS.udp.map((port) => `udp/${port}` as const),
  ];
  await Promise.all(Object.values(HOSTS).map((host) => lab.serve(host, services)));
  const store = createResourceStore(join(lab.directory, 'resources'));
  const agent = await lab.startAgent({ resources: store.directory });
  const site: Site = {
    facts: {
      node: HOSTS.node,
      nic: 'eth0',
      workloadInterface: 'caliw0',
      address: (place, family) => lab.address(HOSTS[place], 'x0', family),
    },
    apply: async (resources) => {
      store.replaceAll(...resources);
      await agent.status({ waitSeconds: 20 });
    },
    probe: (from, to, protocol, port, family) =>
      lab.probe(HOSTS[from], lab.address(HOSTS[to], 'x0', family), `${protocol}/${port}`),
  };
  for (const scenario of [open, ...scenarios, open]) {
    await t.test(scenario.title, async (t) => {
      await t.resolves(play(site, scenario));
    });
  }
});
