import { deepStrictEqual } from 'node:assert';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import type { Resource } from '../../lab/resource-store.js';
import type { Checks } from '../checks.js';
import { documents, type MachineSite, NIC } from '../machine-site.js';
import { margayService } from '../margay-service.js';
import { probeLines } from '../site.js';

/** Two nodes follow one directory: one edit changes both. `directory` is what they see as /srv/shared. */
export async function sharedDatastore(site: MachineSite, directory: string, { check, section }: Checks): Promise<void> {
  const nodes = [site.node, site.peer];
  const services = nodes.map(margayService);
  const policies = `${directory}/policies`;
  const put = async (resources: readonly Resource[]) => {
    writeFileSync(`${policies}/all.yaml.new`, documents(resources));
    renameSync(`${policies}/all.yaml.new`, `${policies}/all.yaml`);
    await Promise.all(services.map(({ settled }) => settled()));
  };
  const expect = async (lines: readonly string[]) => deepStrictEqual(await probeLines(site, lines), lines);
  const endpoints = nodes.map(({ name }, i) => ({
    kind: 'HostEndpoint',
    metadata: { name: `${name}-nic`, labels: { role: 'node' } },
    spec: { node: name, interfaceName: NIC, expectedIPs: [nodes[i]?.address] },
  }));
  const policy = (ingress: readonly object[]): Resource => ({
    kind: 'GlobalNetworkPolicy',
    metadata: { name: 'nodes' },
    spec: { selector: "role == 'node'", types: ['Ingress'], ingress },
  });
  section('two nodes with one datastore');

  await check('one edit changes both nodes, and the addresses of one are known to the other', async () => {
    mkdirSync(policies);
    writeFileSync(`${policies}/all.yaml`, '');
    await Promise.all(services.map(({ settings }) => settings('datastore: file:/srv/shared/policies\n')));
    const nodesOnly = {
      action: 'Allow',
      protocol: 'TCP',
      source: { selector: "role == 'node'" },
      destination: { ports: [9999] },
    };
    const profiles = ['projectcalico-default-allow'];
    await put([...endpoints.map((each) => ({ ...each, spec: { ...each.spec, profiles } })), policy([nodesOnly])]);
    await expect([
      'peer -> node tcp/9999 allow',
      'node -> peer tcp/9999 allow',
      'client -> node tcp/9999 deny',
      'client -> peer tcp/9999 deny',
    ]);
    const web = { action: 'Allow', protocol: 'TCP', destination: { ports: [8080] } };
    await put([...endpoints.map((each) => ({ ...each, spec: { ...each.spec, profiles } })), policy([web])]);
    await expect([
      'client -> node tcp/8080 allow',
      'client -> peer tcp/8080 allow',
      'peer -> node tcp/9999 deny',
      'node -> peer tcp/9999 deny',
    ]);
    await put([]);
    await expect(['peer -> node tcp/9999 allow', 'client -> peer tcp/9999 allow']);
    await Promise.all(services.map(({ settings }) => settings('{}\n')));
    rmSync(policies, { recursive: true });
  });
}
