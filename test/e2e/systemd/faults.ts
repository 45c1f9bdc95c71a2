import { deepStrictEqual, match, strictEqual } from 'node:assert';
import type { Checks } from '../checks.js';
import { findingsOf } from '../doctor.js';
import { documents, type MachineSite, RESOURCES } from '../machine-site.js';
import { margayService } from '../margay-service.js';
import { named, type Scenario, scenarios } from '../scenarios.js';
import { play, probeLines } from '../site.js';
import { until } from '../until.js';

const profile = scenarios.find(({ title }) => title === 'the rules of a profile') ?? named;
const MANY = 200;
const OLD_NFT = '/usr/local/sbin/nft';

/** After a check that failed half-way, so that the next one begins with a node that works. */
const RESTORE = `
[ ! -e /usr/sbin/nft.away ] || mv /usr/sbin/nft.away /usr/sbin/nft
rm -f ${OLD_NFT}
rm -f /run/systemd/system/margay.service.d/e2e.conf && systemctl daemon-reload
printf '{}\\n' >/etc/margay/margay.yaml
systemctl stop margay
! mountpoint -q /srv/policies || umount /srv/policies
! mountpoint -q /var/lib/margay || umount /var/lib/margay
systemctl start margay
`;

/** Faults of what Margay stands on: each is told, the rules stay in force, and it recovers by itself. */
export async function faults(site: MachineSite, { check, section }: Checks): Promise<void> {
  const { node } = site;
  const service = margayService(node);
  const write = (path: string, { resources }: Scenario) => node.put(path, documents(resources(site.facts)));
  const enforced = async ({ probes }: Scenario) => deepStrictEqual(await probeLines(site, probes), probes);
  const notReady = (reason: RegExp) =>
    until(
      async () => (await node.exec(['margay', 'status'])).stdout,
      (text) => reason.test(text),
      `status: ${reason}`,
    );
  section('faults');
  await check('all is well before', () => play(site, named));
  const fault = async (title: string, run: () => Promise<void>) => {
    await check(title, run);
    await node.sh(RESTORE, { seconds: 240 });
  };

  await fault('the directory of the datastore is unmounted', async () => {
    await node.sh('mkdir -p /srv/disk /srv/policies && mount --bind /srv/disk /srv/policies');
    await write('/srv/policies/e2e.yaml', named);
    await service.settings('datastore: file:/srv/policies\n');
    await service.settled();
    await node.must(['umount', '/srv/policies']);
    await notReady(/not ready/);
    await enforced(named);
    await node.must(['mount', '--bind', '/srv/disk', '/srv/policies']);
    await write('/srv/policies/e2e.yaml', profile);
    await service.settled();
    await enforced(profile);
    await service.settings('{}\n');
    await service.settled();
    await enforced(named);
    await node.must(['umount', '/srv/policies']);
  });

  await fault('the disk of the state directory is full', async () => {
    await node.sh('systemctl stop margay; mount -t tmpfs -o size=256k tmpfs /var/lib/margay; systemctl start margay');
    const journal = await service.journal();
    await node.sh('head -c 1M /dev/zero >/var/lib/margay/filler 2>/dev/null || :');
    await play(site, profile);
    await service.told(/could not be saved|can not be written/, journal);
    match(await node.must(['margay', 'status']), /^State +not written: .*ENOSPC/m);
    await node.must(['systemctl', 'restart', 'margay']);
    await service.settled();
    await enforced(profile);
    await node.must(['rm', '/var/lib/margay/filler']);
    // Without any change.
    await service.told(/state directory can be written again/, journal);
    await node.sh('cd /var/lib/margay && sha256sum --status -c ruleset.nft.sha256 && grep -q 8080 ruleset.nft');
    strictEqual((await node.must(['margay', 'status'])).includes('ENOSPC'), false);
    await play(site, named);
    await node.sh('systemctl stop margay; umount /var/lib/margay; systemctl start margay');
    await enforced(named);
  });

  await fault('nft is missing while it runs', async () => {
    const journal = await service.journal();
    await node.must(['mv', '/usr/sbin/nft', '/usr/sbin/nft.away']);
    for (const pid of await service.pids()) {
      const name = await node.exec(['cat', `/proc/${pid}/comm`]);
      if (name.stdout === 'nft') await node.exec(['kill', String(pid)]);
    }
    await write(RESOURCES, profile);
    await service.told(/nft can't be started/, journal);
    await notReady(/not ready/);
    await enforced(named);
    await node.must(['mv', '/usr/sbin/nft.away', '/usr/sbin/nft']);
    await until(async () => (await service.status()).ready, Boolean, 'it is ready again');
    await service.settled();
    await enforced(profile);
  });

  await fault('nft is missing when it starts', async () => {
    const journal = await service.journal();
    await node.must(['mv', '/usr/sbin/nft', '/usr/sbin/nft.away']);
    await node.must(['systemctl', 'restart', '--no-block', 'margay']);
    await service.told(/nft can't be started/, journal);
    await enforced(profile);
    await node.must(['mv', '/usr/sbin/nft.away', '/usr/sbin/nft']);
    await service.active();
    await play(site, named);
  });

  await fault('nft is too old', async () => {
    const journal = await service.journal();
    // The first in the PATH of the service, and of whoever asks the doctor.
    await node.put(
      OLD_NFT,
      '#!/bin/sh\n[ "$1" = --version ] || exec /usr/sbin/nft "$@"\necho "nftables v0.9.8 (E.D.S.)"\n',
    );
    await node.must(['chmod', '755', OLD_NFT]);
    await node.must(['systemctl', 'restart', '--no-block', 'margay']);
    await service.told(/nft 0\.9\.8 is too old: Margay needs 1\.0\.6/, journal);
    await enforced(named);
    const { exitCode, stderr } = await node.exec(['margay', 'run', '--run-dir', '/run/e2e', '--no-health']);
    strictEqual(exitCode, 1);
    match(stderr, /nft 0\.9\.8 is too old/);
    match(JSON.stringify(await findingsOf(node)), /"problem","message":"nft 0\.9\.8 is older than 1\.0\.6"/);
    await node.must(['rm', OLD_NFT]);
    await service.active();
    await play(site, profile);
  });

  await fault('the kernel refuses: no capability', async () => {
    const journal = await service.journal();
    await service.dropIn(['CapabilityBoundingSet=~CAP_NET_ADMIN']);
    await node.must(['systemctl', 'restart', '--no-block', 'margay']);
    await service.told(/Operation not permitted|CAP_NET_ADMIN/, journal);
    await enforced(profile);
    await service.dropIn(undefined);
    await service.active();
    await play(site, named);
  });

  await fault('the clock jumps a day back, then two years on', async () => {
    const library = (await node.sh('ls /usr/lib/*/faketime/libfaketime.so.1')).trim();
    await node.put('/etc/faketime', '+0\n');
    await service.dropIn([
      'WatchdogSec=4',
      `Environment=LD_PRELOAD=${library} FAKETIME_TIMESTAMP_FILE=/etc/faketime FAKETIME_NO_CACHE=1`,
      'Environment=DONT_FAKE_MONOTONIC=1 FAKETIME_DONT_FAKE_MONOTONIC=1',
    ]);
    await node.must(['systemctl', 'restart', 'margay'], { seconds: 120 });
    const before = await service.restarts();
    for (const [jump, scenario] of [
      ['-1d', profile],
      ['+2y', named],
    ] as const) {
      const begun = Date.now();
      await node.put('/etc/faketime', `${jump}\n`);
      await play(site, scenario);
      const at = Date.parse((await service.status()).lastApply?.at ?? '');
      strictEqual(Math.round((at - begun) / 86_400_000), jump === '-1d' ? -1 : 730, 'the daemon saw the jump');
    }
    strictEqual(await service.restarts(), before);
    await service.dropIn(undefined);
    await node.must(['systemctl', 'restart', 'margay']);
  });

  await fault(`${MANY} interfaces of workloads at once`, async () => {
    const names = Array.from({ length: MANY }, (_, i) => `cali${1000 + i}`);
    const endpoints = names.map((interfaceName, i) => ({
      kind: 'WorkloadEndpoint',
      metadata: { name: `${node.name}-k8s-many--${i}-eth0`, namespace: 'default', labels: { role: 'app' } },
      spec: {
        ...{ node: node.name, orchestrator: 'k8s', pod: `many-${i}`, endpoint: 'eth0', interfaceName },
        ipNetworks: [`10.66.0.${i}/32`],
        profiles: [],
      },
    }));
    const batch = (lines: readonly string[]) => node.must(['ip', '-batch', '-'], { input: `${lines.join('\n')}\n` });
    await site.apply([...named.resources(site.facts), ...endpoints]);
    await batch(
      names.flatMap((name) => [
        `link add ${name} type veth peer name peer-${name}`,
        `link set ${name} up`,
        `link set peer-${name} up`,
      ]),
    );
    const up = async () => (await service.status()).endpoints.filter(({ state }) => state === 'up').length;
    await until(up, (count) => count === MANY + 1, `${MANY} endpoints are up`);
    await enforced(named);
    await batch(names.map((name) => `link del ${name}`));
    await until(up, (count) => count === 1, 'and down again');
    await play(site, named);
  });

  await fault('another flushes the whole ruleset, again and again', async () => {
    const journal = await service.journal();
    for (let round = 0; round < 5; round++) {
      await node.must(['nft', 'flush', 'ruleset']);
      await until(
        () => node.exec(['nft', 'list', 'table', 'inet', 'margay']),
        ({ exitCode, stdout }) => exitCode === 0 && stdout.includes('hook input'),
        'the table is back',
      );
    }
    await service.told(/restored/, journal);
    await enforced(named);
    match(await node.must(['margay', 'status']), /Drift {7}[^n]/);
  });
}
