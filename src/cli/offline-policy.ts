import { readFile } from 'node:fs/promises';
import type { Problems, SourceEvent, Update } from '../datastore/source.js';
import type { Interfaces } from '../interfaces/interface-source.js';
import { interfacesFromJson } from '../interfaces/parse-addresses.js';
import { runIp } from '../interfaces/run-ip.js';
import { type Calculation, type PolicyCalculator, policyCalculator } from '../policy/calculator.js';
import { defaultAllowProfile } from '../resources/packaged-rules.js';
import type { Issue } from '../resources/resource.js';
import { initialTiers } from '../resources/tier.js';
import { openSource, readOnce, type SourceSettings } from './open-source.js';
import type { Environment } from './settings/environment.js';
import type { Settings } from './settings/settings-table.js';

/** The calculation of a node, as every command that needs one makes it. */
export function newCalculator(node: string, environment: Environment): PolicyCalculator {
  return policyCalculator({ node, environment, builtinProfiles: [defaultAllowProfile], initialTiers });
}

/** What the resources mean for a node, without a daemon. */
export interface OfflinePolicy {
  readonly calculation: Calculation;
  /** What is left out or doubtful, with where it stands. */
  readonly problems: readonly string[];
  /** Objects, or files, that are left out: the policy may lack what they say. */
  readonly leftOut: number;
}

/** `interfaces` is `live` or a file with what `ip -j address show` prints. */
export async function offlinePolicy(
  settings: Pick<Settings, 'node'> & SourceSettings,
  interfaces: string,
  environment: Environment,
): Promise<OfflinePolicy> {
  const warnings: string[] = [];
  const source = await openSource(settings, environment, { warn: (message) => warnings.push(message) });
  const events = await readOnce(source);
  const calculator = newCalculator(settings.node, environment);
  calculator.setInterfaces(await readInterfaces(interfaces));
  for (const event of events) {
    if (event.type === 'update' && event.parsed.valid) calculator.upsert(event.parsed.resource);
  }
  const calculation = calculator.calculate();
  const problems = [...warnings, ...events.flatMap(problemsOf), ...calculationProblems(calculation)];
  return { calculation, problems, leftOut: events.reduce((sum, event) => sum + countLeftOut(event), 0) };
}

async function readInterfaces(from: string): Promise<Interfaces> {
  if (from === 'live') return interfacesFromJson(await runIp().list(undefined, AbortSignal.timeout(10_000)));
  const text = await readFile(from, 'utf8');
  try {
    return interfacesFromJson(text);
  } catch (error) {
    throw new Error(`${from}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

function countLeftOut(event: SourceEvent): number {
  if (event.type === 'update') return event.parsed.valid ? 0 : 1;
  return event.type === 'problems' ? event.problems.length : 0;
}

function problemsOf(event: SourceEvent): string[] {
  if (event.type === 'update') return updateProblems(event);
  return event.type === 'problems' ? fileProblems(event) : [];
}

function updateProblems({ key, origin, parsed }: Update): string[] {
  const text = (issue: Issue) =>
    `${place(origin.file, issue.line ?? origin.line)}${key.kind} ${key.name}: ${issueText(issue)}`;
  const left = parsed.valid ? [] : parsed.issues.map((issue) => `${text(issue)} (left out)`);
  return [...left, ...parsed.warnings.map(text)];
}

function fileProblems({ file, problems }: Problems): string[] {
  return problems.map(({ line, issue }) => `${place(file, issue.line ?? line)}${issueText(issue)} (left out)`);
}

function calculationProblems({ notices, parameterIssues }: Calculation): string[] {
  return [
    ...notices.map(({ key, issue }) => `${key.kind} ${key.name}: ${issueText(issue)}`),
    ...parameterIssues.map(issueText),
  ];
}

function place(file: string | undefined, line: number | undefined): string {
  if (file === undefined) return '';
  return line === undefined ? `${file}: ` : `${file}:${line}: `;
}

function issueText({ path, message }: Issue): string {
  return path === '' ? message : `${path}: ${message}`;
}
