import { deepStrictEqual, match, ok, strictEqual } from 'node:assert';
import type { Checks } from '../checks.js';
import { findingsOf } from '../doctor.js';
import type { MachineSite } from '../machine-site.js';
import { margayService } from '../margay-service.js';
import { named } from '../scenarios.js';
import { play, probeLines } from '../site.js';

/** firewalld beside Margay: it starts, reloads and restarts, each time flushing its own, and our table stays as it is. */
export async function otherFirewall(site: MachineSite, { check, section }: Checks): Promise<void> {
  const { node } = site;
  const service = margayService(node);
  const ours = () => node.must(['nft', 'list', 'table', 'inet', 'margay']);
  section('firewalld beside it');

  await check('it starts, reloads and restarts: our table and what it enforces stay, nothing is repaired', async () => {
    await play(site, named);
    const [before, { drift }] = [await ours(), await service.status()];
    for (const command of ['start', 'reload', 'restart']) {
      await node.must(['systemctl', command, 'firewalld'], { seconds: 240 });
      match(await node.must(['nft', 'list', 'tables']), /table inet firewalld/, command);
      strictEqual(await ours(), before, command);
      deepStrictEqual((await service.status()).drift, drift, command);
      // What Margay drops stays dropped; what it accepts, firewalld has to accept, too.
      const denied = named.probes.filter((line) => line.endsWith(' deny'));
      deepStrictEqual(await probeLines(site, denied), denied);
    }
    await node.must(['firewall-cmd', '-q', '--zone=trusted', '--change-interface=eth1']);
    deepStrictEqual(await probeLines(site, named.probes), named.probes);
  });

  await check('margay doctor knows it, and that it drops what Margay accepts', async () => {
    const found = (await findingsOf(node)).filter(({ topic }) => topic === 'firewalls');
    ok(
      found.some(({ result, message }) => result === 'warning' && message.startsWith('firewalld has chains in')),
      JSON.stringify(found),
    );
    await node.must(['systemctl', 'stop', 'firewalld']);
    await play(site, named);
  });
}
