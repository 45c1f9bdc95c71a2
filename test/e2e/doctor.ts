import { deepStrictEqual, match, ok, strictEqual } from 'node:assert';
import type { Finding } from '../../src/doctor/finding.js';
import type { Checks } from './checks.js';
import type { Machine } from './machine.js';
import type { MachineSite } from './machine-site.js';
import { named } from './scenarios.js';
import { play } from './site.js';

/** A table that lets in only what another firewall would: what the tests need to get in. */
const FOREIGN = `table inet somebody {
  chain in {
    type filter hook input priority 10; policy drop;
    ct state established,related accept
    iifname { lo, eth0 } accept
  }
}
`;

/** The findings of `margay doctor`, with its exit status. */
export async function findingsOf(machine: Machine): Promise<readonly Finding[]> {
  const { stdout, stderr, exitCode } = await machine.exec(['margay', 'doctor', '--json']);
  ok(stdout.startsWith('{'), `margay doctor: status ${exitCode}\n${stderr}`);
  const { problems, findings } = JSON.parse(stdout) as { problems: number; findings: Finding[] };
  strictEqual(exitCode, problems > 0 ? 1 : 0, stdout);
  return findings;
}

function resultsOf(findings: readonly Finding[], topic: string): string[] {
  return findings.filter((finding) => finding.topic === topic).map(({ result }) => result);
}

/** What the doctor says about a node that works; `sshd`: whether one listens. */
export async function doctor(site: MachineSite, { check, section }: Checks, sshd: boolean): Promise<void> {
  const { node } = site;
  section('margay doctor');
  await check('a node that works', async () => {
    await play(site, named);
    const findings = await findingsOf(node);
    const said = JSON.stringify(findings, null, 2);
    for (const topic of ['permissions', 'kernel', 'service', 'firewalls'])
      deepStrictEqual(new Set(resultsOf(findings, topic)), new Set(['ok']), said);
    deepStrictEqual(resultsOf(findings, 'boot'), ['warning'], 'nothing is loaded at boot');
    deepStrictEqual(resultsOf(findings, 'ssh'), [sshd ? 'ok' : 'unknown'], said);
    ok(!findings.some(({ result }) => result === 'problem'), said);
    for (const { result, advice } of findings) ok(result === 'ok' || advice !== undefined, said);
  });
}

/** What it says about a node with another firewall, and no daemon. */
export async function doctorOfTrouble(site: MachineSite, { check }: Checks): Promise<void> {
  const { node } = site;
  await check('somebody else drops what Margay accepts; the service is stopped', async () => {
    await node.must(['nft', '-f', '-'], { input: FOREIGN });
    await node.must(['systemctl', 'stop', 'margay']);
    const findings = await findingsOf(node);
    await node.sh('nft delete table inet somebody; systemctl start margay');
    const firewalls = findings.filter(({ topic }) => topic === 'firewalls');
    match(JSON.stringify(firewalls), /chain inet somebody in: hook input, priority 10.*policy drop/);
    ok(resultsOf(findings, 'service').includes('warning'), JSON.stringify(findings));
    await play(site, named);
  });
}
