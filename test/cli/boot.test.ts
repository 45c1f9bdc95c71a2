import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { readCommittedRuleset, saveCommittedRuleset } from '../../src/agent/committed-ruleset.js';
import { boot, bootReport } from '../../src/cli/commands/boot.js';
import { serviceStateDir } from '../../src/cli/settings/settings-table.js';
import { BOOT_UNIT, type Systemctl } from '../../src/cli/systemctl.js';

/** A systemd with one unit. */
function fakeSystemctl(enabled = 'disabled'): Systemctl & { enabled: string } {
  const systemctl = {
    enabled,
    isEnabled: async (unit: string) => (unit === BOOT_UNIT ? systemctl.enabled : 'not-found'),
    enable: async () => {
      systemctl.enabled = 'enabled';
    },
    disable: async () => {
      systemctl.enabled = 'disabled';
    },
  };
  return systemctl;
}

async function run(stateDir: string, action: 'enable' | 'disable' | 'show', systemctl: Systemctl, json = false) {
  let stdout = '';
  let stderr = '';
  const io = {
    stdout: { write: (text: string) => (stdout += text) },
    stderr: { write: (text: string) => (stderr += text) },
    environment: {},
  };
  return { status: await boot({ stateDir, runDir: '/nonexistent' }, { action, json }, io, systemctl), stdout, stderr };
}

t.test('show: the state of the saved ruleset, and what would be loaded', async (t) => {
  const directory = t.testdir();
  const systemctl = fakeSystemctl('enabled');
  t.match(await run(directory, 'show', systemctl), { status: 1, stdout: /missing.*loads: fallback/s });
  await saveCommittedRuleset(directory, 'table inet margay\n');
  t.match(await run(directory, 'show', systemctl), {
    status: 0,
    stdout: /sha256 [0-9a-f]{64}\n.*loads: saved ruleset/,
  });
  t.match(await run(directory, 'show', fakeSystemctl()), { status: 1, stdout: /: disabled\n.*loads: nothing/s });
  const report = JSON.parse((await run(directory, 'show', systemctl, true)).stdout);
  t.match(report, { unit: 'enabled', saved: { state: 'good', message: null }, loads: 'saved ruleset' });
  const inAnHour = () => Date.parse(report.savedAt) + 3_600_000;
  const later = await bootReport(directory, await readCommittedRuleset(directory), systemctl, inAnHour);
  t.equal(later.ageSeconds, 3600);
  appendFileSync(join(directory, 'ruleset.nft'), '#\n');
  t.match(await run(directory, 'show', systemctl), { status: 1, stdout: /mismatch.*loads: fallback/s });
});

t.test('a state directory that the unit does not read', async (t) => {
  const systemctl = fakeSystemctl();
  for (const action of ['enable', 'disable'] as const)
    t.match(await run(t.testdir(), action, systemctl), { status: 1, stderr: /leave state-dir at its default/ });
  t.equal(systemctl.enabled, 'disabled');
});

t.test('enable needs a committed ruleset', async (t) => {
  const { ok } = await readCommittedRuleset(serviceStateDir);
  if (ok) return t.comment('Margay is installed here: there is a ruleset');
  const systemctl = fakeSystemctl();
  t.match(await run(serviceStateDir, 'enable', systemctl), { status: 1, stderr: /no ruleset has been committed/ });
  t.equal(systemctl.enabled, 'disabled');
  systemctl.enabled = 'enabled';
  t.match(await run(serviceStateDir, 'disable', systemctl, true), { status: 0, stdout: '{"boot":"disabled"}\n' });
  t.equal(systemctl.enabled, 'disabled');
});
