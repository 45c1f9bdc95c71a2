import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type CommittedRuleset, readCommittedRuleset } from '../../agent/committed-ruleset.js';
import { runningPid } from '../../observe/status-client.js';
import type { BootAction } from '../boot-actions.js';
import type { Io } from '../io.js';
import { printable } from '../printable.js';
import { type Settings, serviceStateDir } from '../settings/settings-table.js';
import { BOOT_UNIT, isOn, type Systemctl, systemctlCommand } from '../systemctl.js';

export interface BootOptions {
  readonly action: BootAction;
  readonly json: boolean;
}

export interface BootReport {
  /** As `systemctl is-enabled` says. */
  readonly unit: string;
  readonly stateDirectory: string;
  readonly saved: { readonly state: 'good' | 'missing' | 'mismatch' | 'unreadable'; readonly message: string | null };
  readonly digest: string | null;
  readonly savedAt: string | null;
  readonly ageSeconds: number | null;
  readonly loads: 'nothing' | 'saved ruleset' | 'fallback';
}

/** `margay boot`: whether the ruleset that was committed last is loaded before the network. 0 if it is, or the switch succeeded. */
export async function boot(
  { stateDir, runDir }: Pick<Settings, 'stateDir' | 'runDir'>,
  { action, json }: BootOptions,
  io: Io,
  systemctl: Systemctl = systemctlCommand(),
): Promise<number> {
  if (action !== 'show' && stateDir !== serviceStateDir) {
    io.stderr.write(
      `margay: ${BOOT_UNIT} loads from ${serviceStateDir}, but the state directory is ${printable(stateDir)}: leave state-dir at its default\n`,
    );
    return 1;
  }
  if (action === 'disable') {
    await systemctl.disable(BOOT_UNIT);
    say(io, json, { boot: 'disabled' }, 'nothing is loaded at boot any more; the daemon, if it is enabled, still is');
    return 0;
  }
  if (action === 'show') {
    return show(await bootReport(stateDir, await readCommittedRuleset(stateDir), systemctl), json, io);
  }
  const saved = await savedSoon(stateDir, runDir);
  if (!saved.ok) {
    io.stderr.write(`margay: not switched on, since ${refusalOf(saved)}\n`);
    return 1;
  }
  await systemctl.enable(BOOT_UNIT);
  say(
    io,
    json,
    { boot: 'enabled', digest: saved.digest },
    `at boot, ${stateDir}/ruleset.nft is loaded before the network`,
  );
  return 0;
}

/** What a daemon has just brought into force is saved a moment later. */
async function savedSoon(stateDir: string, runDir: string): Promise<CommittedRuleset> {
  for (let tries = 0; ; tries += 1) {
    const saved = await readCommittedRuleset(stateDir);
    if (saved.ok || tries === TRIES || (await runningPid(runDir)) === undefined) return saved;
    await pause(TRY_AGAIN_MS);
  }
}

const TRIES = 10;
const TRY_AGAIN_MS = 200;

function refusalOf({ code, message }: Extract<CommittedRuleset, { ok: false }>): string {
  if (code === 'missing')
    return 'no ruleset has been committed yet: start the daemon, and wait with `margay status --wait`';
  return `${printable(message)}: restart the daemon, which saves it anew`;
}

/** What is saved, and what the next boot does with it. */
export async function bootReport(
  stateDir: string,
  saved: CommittedRuleset,
  systemctl: Pick<Systemctl, 'isEnabled'>,
  now: () => number = Date.now,
): Promise<BootReport> {
  const unit = await systemctl.isEnabled(BOOT_UNIT);
  const savedAt = saved.ok ? (await stat(join(stateDir, 'ruleset.nft'))).mtime : undefined;
  return {
    unit,
    stateDirectory: stateDir,
    saved: saved.ok ? { state: 'good', message: null } : { state: saved.code, message: saved.message },
    digest: saved.ok ? saved.digest : null,
    savedAt: savedAt?.toISOString() ?? null,
    ageSeconds: savedAt ? Math.max(0, Math.round((now() - savedAt.getTime()) / 1000)) : null,
    loads: !isOn(unit) ? 'nothing' : saved.ok ? 'saved ruleset' : 'fallback',
  };
}

function show(report: BootReport, json: boolean, io: Io): number {
  const { unit, saved, digest, savedAt, ageSeconds, loads, stateDirectory } = report;
  const lines = [
    `${BOOT_UNIT}: ${unit}`,
    saved.state === 'good'
      ? `saved ruleset: ${stateDirectory}/ruleset.nft, of ${savedAt} (${ageText(ageSeconds ?? 0)} ago), sha256 ${digest}`
      : `saved ruleset: ${saved.state} (${saved.message})`,
    `the next boot loads: ${loads}`,
  ];
  io.stdout.write(json ? `${JSON.stringify(report, null, 2)}\n` : `${lines.map(printable).join('\n')}\n`);
  return loads === 'saved ruleset' ? 0 : 1;
}

function ageText(seconds: number): string {
  const units = [
    { name: 'days', seconds: 86_400 },
    { name: 'hours', seconds: 3600 },
    { name: 'minutes', seconds: 60 },
  ];
  const unit = units.find((each) => seconds >= 2 * each.seconds);
  return unit ? `${Math.floor(seconds / unit.seconds)} ${unit.name}` : `${seconds} s`;
}

function say({ stdout }: Io, json: boolean, result: object, text: string): void {
  stdout.write(json ? `${JSON.stringify(result)}\n` : `${text}\n`);
}
