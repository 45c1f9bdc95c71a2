import { removeCommittedRuleset } from '../../agent/committed-ruleset.js';
import { nftCommand } from '../../nft/nft-command.js';
import { printTransaction } from '../../nft/print.js';
import { runningPid } from '../../observe/status-client.js';
import { TABLE } from '../../ruleset/render.js';
import type { Io } from '../io.js';
import type { Settings } from '../settings.js';

/** `margay uninstall`: removes our table and the saved ruleset, by name, and nothing of others. Refuses while a daemon runs. */
export async function uninstall(
  { runDir, stateDir }: Pick<Settings, 'runDir' | 'stateDir'>,
  { json }: { readonly json: boolean },
  { stdout, stderr }: Io,
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
  const problem = await removeCommittedRuleset(stateDir);
  if (problem) stderr.write(`margay: the saved ruleset could not be deleted: ${problem.message}\n`);
  const done = existed ? `table inet ${TABLE} is removed` : `there was no table inet ${TABLE}`;
  stdout.write(
    json
      ? `${JSON.stringify({ table: existed ? 'removed' : 'absent', saved: problem?.message ?? 'removed' })}\n`
      : `${done}\n`,
  );
  return problem ? 1 : 0;
}
