import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { readCommittedRuleset } from '../../agent/committed-ruleset.js';
import { diagnose } from '../../doctor/diagnose.js';
import type { Finding, PolicyFacts, Result, ServiceFacts } from '../../doctor/finding.js';
import { gatherFacts } from '../../doctor/gather-facts.js';
import { featureScripts } from '../../nft/feature-scripts.js';
import { DaemonError, NoDaemonError, queryStatus } from '../../observe/status-client.js';
import { doctorHost } from '../doctor-host.js';
import type { Io } from '../io.js';
import { offlinePolicy } from '../offline-policy.js';
import type { SourceSettings } from '../open-source.js';
import { type Color, createPaint } from '../paint.js';
import { printable } from '../printable.js';
import type { Environment } from '../settings/environment.js';
import type { Settings } from '../settings/settings-table.js';
import { systemctlCommand } from '../systemctl.js';
import { bootReport } from './boot.js';

type DoctorSettings = Pick<Settings, 'node' | 'runDir' | 'stateDir'> & SourceSettings;

/** `margay doctor`: looks at the host, and changes nothing. 1 if there is a problem. */
export async function doctor(settings: DoctorSettings, { json }: { readonly json: boolean }, io: Io): Promise<number> {
  const report = await bootReport(settings.stateDir, await readCommittedRuleset(settings.stateDir), systemctlCommand());
  const facts = await gatherFacts(doctorHost(io.environment), {
    boot: { unit: report.unit, saved: report.saved.state, loads: report.loads },
    savedAt: report.savedAt === null ? undefined : new Date(report.savedAt),
    daemon: await daemonState(settings.runDir),
    policy: await policyFacts(settings, { ...(await serviceVariables()), ...io.environment }),
    featureScripts,
  });
  const findings = diagnose(facts);
  const problems = findings.filter(({ result }) => result === 'problem').length;
  io.stdout.write(json ? `${JSON.stringify({ problems, findings }, null, 2)}\n` : findingsText(findings, io));
  return problems > 0 ? 1 : 0;
}

const DATASTORE_MS = 10_000;

async function daemonState(runDir: string): Promise<ServiceFacts['daemon']> {
  try {
    const { ready, degraded } = await queryStatus(runDir);
    return { ready, degraded };
  } catch (error) {
    if (error instanceof NoDaemonError || error instanceof DaemonError) return undefined;
    throw error;
  }
}

async function policyFacts(
  settings: Pick<Settings, 'node'> & SourceSettings,
  environment: Environment,
): Promise<PolicyFacts | { readonly unknown: string }> {
  try {
    const late = AbortSignal.timeout(DATASTORE_MS);
    const tooLate = once(late, 'abort').then(() => {
      throw new Error(`${settings.datastore.url} could not be read within ${DATASTORE_MS / 1000} s`);
    });
    const { calculation } = await Promise.race([offlinePolicy(settings, 'live', environment), tooLate]);
    const { hostPolicy } = calculation;
    return {
      hostEndpoints: hostPolicy.hostEndpoints.length,
      workloadEndpoints: hostPolicy.workloadEndpoints.length,
      failsafeInbound: hostPolicy.parameters.failsafeInboundHostPorts,
    };
  } catch (error) {
    return { unknown: error instanceof Error ? error.message : String(error) };
  }
}

/** FELIX_* of the service: they decide about its failsafe ports. */
async function serviceVariables(): Promise<Environment> {
  try {
    const lines = (await readFile('/etc/default/margay', 'utf8')).matchAll(/^\s*(FELIX_\w+)=(["']?)(.*)\2\s*$/gm);
    return Object.fromEntries(Array.from(lines, ([, name, , value]) => [name, value]));
  } catch {
    // None, or not for this user: as if the service had no variables.
    return {};
  }
}

const MARKS: Readonly<Record<Result, { readonly mark: string; readonly color: Color }>> = {
  ok: { mark: 'ok', color: 'green' },
  warning: { mark: 'warning', color: 'yellow' },
  problem: { mark: 'PROBLEM', color: 'red' },
  unknown: { mark: 'unknown', color: 'gray' },
};

/** A line for each finding, and one for what to do. */
export function findingsText(findings: readonly Finding[], io: Pick<Io, 'stdout' | 'environment'>): string {
  const paint = createPaint(io);
  const lines = findings.flatMap(({ topic, result, message, advice }) => {
    const { mark, color } = MARKS[result];
    const line = `${paint(color, mark.padEnd(7))}  ${topic}: ${printable(message)}`;
    return advice === undefined ? [line] : [line, `         ${printable(advice)}`];
  });
  return `${lines.join('\n')}\n`;
}
