import { deepStrictEqual } from 'node:assert';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import type { Resource } from '../../lab/resource-store.js';
import type { Checks } from '../checks.js';
import { documents, type MachineSite, NIC } from '../machine-site.js';
import { margayService } from '../margay-service.js';
import { probeLines } from '../site.js';
import { until } from '../until.js';

/** Only nodes come to port 9999, known by their addresses. */
const AMONG_NODES = [
  'peer -> node tcp/9999 allow',
  'node -> peer tcp/9999 allow',
  'client -> node tcp/9999 deny',
  'client -> peer tcp/9999 deny',
];
const WEB = [
  'client -> node tcp/8080 allow',
  'client -> peer tcp/8080 allow',
  'peer -> node tcp/9999 deny',
  'node -> peer tcp/9999 deny',
];
const OPEN = ['peer -> node tcp/9999 allow', 'client -> peer tcp/9999 allow'];
const ETCD_DATA = '/var/tmp/e2e-etcd';

/** A host endpoint for each node, and one policy for both. */
function clusterOf({ node, peer }: MachineSite) {
  const profiles = ['projectcalico-default-allow'];
  const endpoints = [node, peer].map(
    ({ name, address }): Resource => ({
      kind: 'HostEndpoint',
      metadata: { name: `${name}-nic`, labels: { role: 'node' } },
      spec: { node: name, interfaceName: NIC, expectedIPs: [address], profiles },
    }),
  );
  const withPolicy = (ingress: object): Resource[] => [
    ...endpoints,
    {
      kind: 'GlobalNetworkPolicy',
      metadata: { name: 'nodes' },
      spec: {
        selector: "role == 'node'",
        types: ['Ingress'],
        ingress: [{ action: 'Allow', protocol: 'TCP', ...ingress }],
      },
    },
  ];
  return {
    amongNodes: withPolicy({ source: { selector: "role == 'node'" }, destination: { ports: [9999] } }),
    web: withPolicy({ destination: { ports: [8080] } }),
  };
}

/** Two nodes follow one directory: one edit changes both. `directory` is what they see as /srv/shared. */
export async function sharedDirectory(site: MachineSite, directory: string, { check, section }: Checks): Promise<void> {
  const services = [site.node, site.peer].map(margayService);
  const policies = `${directory}/policies`;
  const put = async (resources: readonly Resource[]) => {
    writeFileSync(`${policies}/all.yaml.new`, documents(resources));
    renameSync(`${policies}/all.yaml.new`, `${policies}/all.yaml`);
    await Promise.all(services.map(({ settled }) => settled()));
  };
  const expect = async (lines: readonly string[]) => deepStrictEqual(await probeLines(site, lines), lines);
  const { amongNodes, web } = clusterOf(site);
  section('two nodes with one datastore');

  await check('a directory: one edit changes both nodes, and the addresses of one are known to the other', async () => {
    mkdirSync(policies);
    writeFileSync(`${policies}/all.yaml`, '');
    await Promise.all(services.map(({ settings }) => settings('datastore: file:/srv/shared/policies\n')));
    await put(amongNodes);
    await expect(AMONG_NODES);
    await put(web);
    await expect(WEB);
    await put([]);
    await expect(OPEN);
    await Promise.all(services.map(({ settings }) => settings('{}\n')));
    rmSync(policies, { recursive: true });
  });
}

/** The same with an etcd on one of them, which goes away and comes back. */
export async function sharedEtcd(site: MachineSite, { check }: Checks): Promise<void> {
  const { node, peer } = site;
  const services = [node, peer].map(margayService);
  const url = `http://${node.address}:2379`;
  const datastore = ['--datastore', `etcd:${url}`];
  const settled = () => Promise.all(services.map((service) => service.settled()));
  const expect = async (lines: readonly string[]) => deepStrictEqual(await probeLines(site, lines), lines);
  const apply = (resources: readonly Resource[]) =>
    peer.must(['margay', 'apply', ...datastore, '-f', '-'], { input: documents(resources) });
  const etcd = () =>
    node.must([
      ...['systemd-run', '--quiet', '--unit=e2e-etcd', 'etcd', '--data-dir', ETCD_DATA],
      ...['--listen-client-urls', url, '--advertise-client-urls', url],
    ]);
  const { amongNodes, web } = clusterOf(site);

  await check('etcd on one of them: what the other applies changes both, and stays while etcd is away', async () => {
    await etcd();
    // Before anybody waits for it: the first write initialises it.
    await apply(amongNodes);
    await Promise.all(services.map(({ settings }) => settings(`datastore: etcd:${url}\n`)));
    await settled();
    await expect(AMONG_NODES);
    await apply(web);
    await settled();
    await expect(WEB);
    await node.must(['systemctl', 'stop', 'e2e-etcd']);
    for (const service of services) {
      const isLost = async () => (await service.status()).datastore.connected;
      await until(isLost, (connected) => !connected, 'the lost etcd is told');
    }
    await expect(WEB);
    await etcd();
    await settled();
    await expect(WEB);
    await peer.must(['margay', 'delete', ...datastore, 'gnp', 'nodes']);
    await peer.must(['margay', 'delete', ...datastore, 'hep', `${node.name}-nic`, `${peer.name}-nic`]);
    await settled();
    await expect(OPEN);
    await Promise.all(services.map(({ settings }) => settings('{}\n')));
    await node.sh(`systemctl stop e2e-etcd; rm -r ${ETCD_DATA}`);
  });
}
