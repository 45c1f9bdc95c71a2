import { deepStrictEqual, match, notStrictEqual, ok, strictEqual } from 'node:assert';
import type { Checks } from '../checks.js';
import type { MachineSite } from '../machine-site.js';
import { margayService } from '../margay-service.js';
import { named } from '../scenarios.js';
import { play, probeLines } from '../site.js';
import { until } from '../until.js';

/** CAP_NET_ADMIN. */
const CAPABILITIES = '0000000000001000';
const EXPOSURE = 2.2;

/** What the units forbid, seen from inside; that all works under it is shown by everything else. */
export async function hardening(site: MachineSite, { check, section }: Checks): Promise<void> {
  const { node } = site;
  const service = margayService(node);
  section('hardening');

  await check('systemd finds nothing to say about the units', async () => {
    const { stdout, stderr } = await node.exec([
      ...['systemd-analyze', 'verify', '--man=no', 'margay.service', 'margay-boot.service'],
    ]);
    strictEqual(stdout + stderr, '');
  });

  await check(`systemd-analyze security: ${EXPOSURE} or less`, async () => {
    for (const name of ['margay.service', 'margay-boot.service']) {
      const { stdout } = await node.exec(['systemd-analyze', 'security', '--no-pager', name]);
      const level = Number(/exposure level for .*: ([\d.]+)/.exec(stdout)?.[1]);
      ok(level <= EXPOSURE, `${name}: ${level}`);
    }
  });

  await check('the daemon and its children nft and ip have one capability, no way to more, and a filter', async () => {
    const names = new Set<string>();
    for (const pid of await service.pids()) {
      const status = await node.must(['cat', `/proc/${pid}/status`]);
      const field = (name: string) => new RegExp(`^${name}:\\s*(\\S+)`, 'm').exec(status)?.[1];
      names.add(field('Name') ?? '');
      const found = ['CapEff', 'CapPrm', 'CapBnd', 'NoNewPrivs', 'Seccomp'].map(field);
      deepStrictEqual(found, [CAPABILITIES, CAPABILITIES, CAPABILITIES, '1', '2'], field('Name'));
    }
    deepStrictEqual([...names].sort(), ['ip', 'margay', 'nft']);
  });

  await check('it sees a system that it can not write, and no home directory', async () => {
    const inside = ['nsenter', '-t', String(await service.mainPid()), '-m', '--'];
    for (const path of ['/etc/margay/x', '/usr/x', '/var/x']) {
      const { stderr, exitCode } = await node.exec([...inside, 'touch', path]);
      notStrictEqual(exitCode, 0, path);
      match(stderr, /Read-only file system/);
    }
    await node.must(['touch', '/root/secret']);
    strictEqual(await node.must([...inside, 'find', '/root', '-mindepth', '1']), '');
    await node.must([...inside, 'touch', '/var/lib/margay/x', '/run/margay/x']);
    await node.must(['rm', '/var/lib/margay/x', '/run/margay/x']);
  });

  await check('a rule that another put into its table is removed, and told', async () => {
    await play(site, named);
    const journal = await service.journal();
    const chain = /chain (\S+) \{\s*type filter hook input/.exec(
      await node.must(['nft', 'list', 'table', 'inet', 'margay']),
    )?.[1];
    await node.must(['nft', 'insert', 'rule', 'inet', 'margay', `${chain}`, 'accept']);
    await service.told(/has been restored/, journal);
    await until(
      () => probeLines(site, named.probes),
      (lines) => lines.join() === named.probes.join(),
      'the table is as it was',
    );
  });
}
