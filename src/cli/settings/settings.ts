import { nearestName } from '../nearest-name.js';
import type { Environment } from './environment.js';
import type { SettingsFile } from './parse-settings-file.js';
import { SettingsError, type SettingsIssue } from './settings-error.js';
import { readSettingsFile } from './settings-file.js';
import {
  type SettingName,
  type Settings,
  type SettingsCommand,
  settingNames,
  settingsTable,
  variableName,
} from './settings-table.js';

export type { Address, Settings } from './settings-table.js';

/** What the command line says; `false` is `--no-NAME`. */
export type Flags = { readonly [Name in SettingName]?: string | false | undefined };

interface Given {
  readonly source: string;
  readonly value: unknown;
}

/**
 * The settings of a command: flags before MARGAY_* before margay.yaml before defaults. Those that the command does not have
 * are the defaults. Rejects with SettingsError for a value, a key of the file or a variable MARGAY_* that can't be used.
 */
export async function resolveSettings(
  command: SettingsCommand,
  flags: Flags,
  environment: Environment,
): Promise<Settings> {
  const issues: SettingsIssue[] = unknownVariables(environment);
  const names = settingNames.filter((name) => settingsTable[name].commands.includes(command));
  const config = givenBefore('config', flags, environment);
  const path = String(config?.value ?? settingsTable.config.default({}, {}));
  const file = await fileFor(names, path, config !== undefined, flags, environment);
  issues.push(...file.issues, ...unknownKeys(file));

  const settings: { -readonly [Name in SettingName]?: Settings[Name] } = {};
  for (const name of settingNames) {
    const given = names.includes(name) ? (givenBefore(name, flags, environment) ?? givenIn(file, name)) : undefined;
    await settle(name, given, environment, settings, issues);
  }
  if (issues.length > 0) throw new SettingsError(issues);
  // Whoever switches health off wants no port opened.
  if (settings.health === undefined) settings.metrics = undefined;
  return settings as Settings;
}

async function settle<Name extends SettingName>(
  name: Name,
  given: Given | undefined,
  environment: Environment,
  settings: { -readonly [Key in SettingName]?: Settings[Key] },
  issues: SettingsIssue[],
): Promise<void> {
  const setting = settingsTable[name];
  if (given === undefined) {
    settings[name] = setting.default(environment, settings);
    return;
  }
  const schema = setting.checked && (await import('./settings-schemas.js')).settingSchemas[name];
  if (schema === undefined) {
    if (typeof given.value === 'string' && given.value !== '') settings[name] = given.value as Settings[Name];
    else issues.push({ source: given.source, message: 'must be a text that is not empty (a number in quotes)' });
    return;
  }
  const result = schema.safeParse(given.value);
  if (result.success) settings[name] = result.data;
  else issues.push(...result.error.issues.map(({ message }) => ({ source: given.source, message })));
}

/** What flags and environment say. An empty variable counts as not set, as in Felix. */
function givenBefore(name: SettingName, flags: Flags, environment: Environment): Given | undefined {
  const { name: flag } = settingsTable[name];
  const value = flags[name];
  if (value === false) return { source: `--no-${flag}`, value: 'none' };
  if (value !== undefined) return { source: `--${flag}`, value };
  const variable = environment[variableName(flag)];
  return variable ? { source: variableName(flag), value: variable } : undefined;
}

function givenIn(file: SettingsFile, name: SettingName): Given | undefined {
  const entry = file.entries.get(settingsTable[name].name);
  return entry && { source: `${file.path} line ${entry.line}: ${settingsTable[name].name}`, value: entry.value };
}

/** A file that nobody named is not read when nothing depends on it: `margay status --run-dir DIR` works with a broken one. */
async function fileFor(
  names: readonly SettingName[],
  path: string,
  named: boolean,
  flags: Flags,
  environment: Environment,
): Promise<SettingsFile> {
  const needed = names.some((name) => name !== 'config' && givenBefore(name, flags, environment) === undefined);
  return needed || named ? readSettingsFile(path, !named) : { path, entries: new Map(), issues: [] };
}

function unknownKeys(file: SettingsFile): SettingsIssue[] {
  const known = settingNames.map((name) => settingsTable[name]).filter(({ inFile }) => inFile !== false);
  const names = known.map(({ name }) => name);
  return [...file.entries]
    .filter(([key]) => !names.includes(key))
    .map(([key, { line }]) => ({
      source: `${file.path} line ${line}`,
      message: `there is no setting ${JSON.stringify(key)}${hint(key, names)}`,
    }));
}

function unknownVariables(environment: Environment): SettingsIssue[] {
  const names = settingNames.map((name) => variableName(settingsTable[name].name));
  const isKnown = (variable: string): boolean => names.includes(variable) || OF_TESTS.test(variable);
  return Object.entries(environment)
    .filter(([variable, value]) => variable.startsWith('MARGAY_') && !isKnown(variable) && !isService(variable, value))
    .map(([variable]) => ({ source: variable, message: `there is no such setting${hint(variable, names)}` }));
}

/** They tell tests how to run the program, and are for nobody else. */
const OF_TESTS = /^MARGAY_(?:CMD|ARGS|READY|CI_\w+)$/;

/** Kubernetes gives every pod such variables for a Service that is called margay or margay-something. */
function isService(variable: string, value: string | undefined): boolean {
  if (/_SERVICE_(HOST|PORT(_\w+)?)$/.test(variable)) return true;
  if (/_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$/.test(variable)) return true;
  return variable.endsWith('_PORT') && /^(tcp|udp|sctp):\/\//.test(value ?? '');
}

function hint(name: string, known: readonly string[]): string {
  const nearest = nearestName(name, known);
  return nearest === undefined ? '' : `; did you mean ${nearest}?`;
}
