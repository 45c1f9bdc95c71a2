import { removeCommittedRuleset } from '../../agent/committed-ruleset.js';
import { nftCommand } from '../../nft/nft-command.js';
import { printTransaction } from '../../nft/print.js';
import { runningPid } from '../../observe/status-client.js';
import { TABLE } from '../../ruleset/render.js';
import type { Io } from '../io.js';
import { type Settings, serviceStateDir } from '../settings/settings-table.js';
import { BOOT_UNIT, isOn, type Systemctl, systemctlCommand } from '../systemctl.js';

/**
 * `margay uninstall`: removes our table and the saved ruleset, by name, and nothing of others, and switches loading it at boot
 * off. Refuses while a daemon runs.
 */
export async function uninstall(
  { runDir, stateDir }: Pick<Settings, 'runDir' | 'stateDir'>,
  { json }: { readonly json: boolean },
  { stdout, stderr }: Io,
  systemctl: Systemctl = systemctlCommand(),
): Promise<number> {
  const pid = await runningPid(runDir);
  if (pid !== undefined) {
    stderr.write(
      `margay: a daemon runs on ${runDir} (pid ${pid === 0 ? 'unknown' : pid}) and would restore the table: stop it first\n`,
    );
    return 1;
  }
  const driver = nftCommand();
  const existed = await driver.has(TABLE);
  if (existed) await driver.apply(printTransaction([{ table: TABLE, op: 'delete', object: 'table' }]));
  // That of another run directory is not loaded at boot.
  const atBoot = stateDir === serviceStateDir && isOn(await systemctl.isEnabled(BOOT_UNIT));
  if (atBoot) await systemctl.disable(BOOT_UNIT);
  const problem = await removeCommittedRuleset(stateDir);
  if (problem) stderr.write(`margay: the saved ruleset could not be deleted: ${problem.message}\n`);
  const switched = atBoot ? '; nothing is loaded at boot any more' : '';
  const done = existed ? `table inet ${TABLE} is removed` : `there was no table inet ${TABLE}`;
  stdout.write(
    json
      ? `${JSON.stringify({ table: existed ? 'removed' : 'absent', saved: problem?.message ?? 'removed', boot: atBoot ? 'disabled' : 'off' })}\n`
      : `${done}${switched}\n`,
  );
  return problem ? 1 : 0;
}
