import { deepStrictEqual, match, ok, strictEqual } from 'node:assert';
import type { Checks } from '../checks.js';
import type { MachineSite } from '../machine-site.js';
import { margayService } from '../margay-service.js';
import { named } from '../scenarios.js';
import { play, probeLines } from '../site.js';
import { until } from '../until.js';

/** Start, crash, hang, reload and stop, with the rules in force all along. */
export async function unit(site: MachineSite, { check, section }: Checks): Promise<void> {
  const { node } = site;
  const service = margayService(node);
  section('the unit');

  await check('it is ready when the first ruleset is in force, and says what it enforces', async () => {
    const lines = (await service.journal()).split('\n');
    const [ruleset, started] = [/ruleset is in force/, /^Started margay/].map((text) =>
      lines.findIndex((line) => text.test(line)),
    );
    ok(ruleset !== undefined && started !== undefined && ruleset >= 0 && ruleset < started, lines.join('\n'));
    await play(site, named);
    await until(
      () => service.property('StatusText'),
      (text) => /\b1 host/.test(text),
      'STATUS tells its endpoint',
    );
  });

  await withoutGap(site, check, 'kill -9: systemd starts it again', async () => {
    const before = await service.restarts();
    await node.must(['kill', '-KILL', String(await service.mainPid())]);
    await service.restarted(before);
  });

  await service.dropIn(['WatchdogSec=4', 'RestartSec=1']);
  await node.must(['systemctl', 'restart', 'margay']);
  await withoutGap(site, check, 'it hangs: the watchdog ends it, and it is started again', async () => {
    const [before, journal] = [await service.restarts(), await service.journal()];
    await node.must(['kill', '-STOP', String(await service.mainPid())]);
    await service.restarted(before);
    await service.told(/[Ww]atchdog timeout/, journal);
  });
  await service.dropIn(undefined);
  await node.must(['systemctl', 'restart', 'margay']);

  await withoutGap(site, check, 'reload: new settings, the same process', async () => {
    const pid = await service.mainPid();
    await service.settings('log-level: debug\n');
    strictEqual(await service.mainPid(), pid);
    await service.settings('{}\n');
  });

  await withoutGap(site, check, 'stop leaves the rules in force; start takes them over without a change', async () => {
    await node.must(['systemctl', 'stop', 'margay']);
    deepStrictEqual([await service.property('Result'), await service.property('ActiveState')], ['success', 'inactive']);
    const stopped = await node.must(['nft', 'list', 'table', 'inet', 'margay']);
    match(stopped, /hook input/);
    deepStrictEqual(await probeLines(site, named.probes), named.probes);
    await node.must(['systemctl', 'start', 'margay']);
    await service.settled();
    strictEqual(await node.must(['nft', 'list', 'table', 'inet', 'margay']), stopped);
  });
}

/** What is closed is never answered meanwhile, and afterwards all is as it was. */
export async function withoutGap(
  site: MachineSite,
  check: Checks['check'],
  title: string,
  run: () => Promise<void>,
): Promise<void> {
  await check(title, async () => {
    const watch = await site.watch(9999);
    try {
      await run();
    } finally {
      strictEqual((await watch.stop()).answered, 0, 'a closed port was answered meanwhile');
    }
    await margayService(site.node).settled();
    deepStrictEqual(await probeLines(site, named.probes), named.probes);
  });
}
