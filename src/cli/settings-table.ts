import { hostname } from 'node:os';
import { join } from 'node:path';
import { type LogFormat, type LogLevel, logFormats, logLevels } from '../observe/log-level.js';
import type { DatastoreSetting } from './settings-datastore.js';

/** The settings of the process. What decides about packets is not here but in Calico's FelixConfiguration. */
export interface Settings {
  /** Which `spec.node` is this node's. */
  readonly node: string;
  readonly datastore: DatastoreSetting;
  readonly runDir: string;
  readonly stateDir: string;
  readonly driver: (typeof drivers)[number];
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
  /** Undefined: health is not served. */
  readonly health: Address | undefined;
  /** Undefined: metrics are not served. */
  readonly metrics: Address | undefined;
  /** The file that settings were looked for in, whether it exists or not. */
  readonly config: string;
}

export interface Address {
  /** Without brackets. */
  readonly host: string;
  readonly port: number;
}

export type SettingName = keyof Settings;
export type Environment = Readonly<Record<string, string | undefined>>;
export type SettingsCommand = 'run' | 'render' | 'status' | 'uninstall' | 'controller';

export interface Setting<Value> {
  /** The flag is `--NAME`, the environment's variable MARGAY_NAME, the key of the file NAME. */
  readonly name: string;
  readonly placeholder: string;
  readonly help: string;
  /** The default in words, for the help. */
  readonly defaultText: string;
  readonly default: (environment: Environment, settings: Partial<Settings>) => Value;
  /** `settings-schemas.ts` says what is good; every text is otherwise. */
  readonly checked?: true;
  /** `--no-NAME` is the value `none`. */
  readonly negatable?: string;
  /** False: not in the file. */
  readonly inFile?: boolean;
  readonly commands: readonly SettingsCommand[];
}

/** Ways to the kernel. */
export const drivers = ['nft'] as const;

/** Every setting, in the order of the help; a default may depend on settings before it. */
export const settingsTable: { readonly [Name in SettingName]: Setting<Settings[Name]> } = {
  config: {
    name: 'config',
    placeholder: 'file',
    help: 'file with settings; one that is named must exist',
    defaultText: '/etc/margay/margay.yaml',
    default: () => '/etc/margay/margay.yaml',
    inFile: false,
    commands: ['run', 'render', 'status', 'uninstall', 'controller'],
  },
  node: {
    name: 'node',
    placeholder: 'name',
    help: 'name of this node, exactly as in spec.node of its endpoints',
    defaultText: 'host name in lower case',
    default: () => hostname().trim().toLowerCase(),
    commands: ['run', 'render'],
  },
  datastore: {
    name: 'datastore',
    placeholder: 'url',
    help: 'where resources come from: file:DIR (each *.yaml, *.yml and *.json below DIR), kubernetes:[KUBECONFIG]',
    defaultText: 'file:/etc/margay/resources.d',
    default: () => ({ type: 'file', url: 'file:/etc/margay/resources.d', directory: '/etc/margay/resources.d' }),
    checked: true,
    commands: ['run', 'render', 'controller'],
  },
  runDir: {
    name: 'run-dir',
    placeholder: 'dir',
    help: 'directory of the socket and the pid of one daemon',
    defaultText: '$RUNTIME_DIRECTORY, else /run/margay',
    default: (environment) => firstDirectory(environment.RUNTIME_DIRECTORY) ?? '/run/margay',
    commands: ['run', 'status', 'uninstall'],
  },
  stateDir: {
    name: 'state-dir',
    placeholder: 'dir',
    help: 'directory of what outlives the daemon: last valid objects, last ruleset',
    defaultText: '$STATE_DIRECTORY, else RUN-DIR/state',
    default: (environment, { runDir = '/run/margay' }) =>
      firstDirectory(environment.STATE_DIRECTORY) ?? join(runDir, 'state'),
    commands: ['run', 'uninstall'],
  },
  driver: {
    name: 'driver',
    placeholder: 'name',
    help: 'how the kernel is reached: nft (the command)',
    defaultText: 'nft',
    default: () => 'nft',
    checked: true,
    commands: ['run', 'uninstall'],
  },
  logLevel: {
    name: 'log-level',
    placeholder: 'level',
    help: `least level that is logged: ${logLevels.join(', ')}`,
    defaultText: 'info',
    default: () => 'info',
    checked: true,
    commands: ['run', 'render', 'uninstall', 'controller'],
  },
  logFormat: {
    name: 'log-format',
    placeholder: 'format',
    help: `${logFormats.join(', ')}; auto is pretty on a terminal and json elsewhere`,
    defaultText: 'auto',
    default: () => 'auto',
    checked: true,
    commands: ['run', 'controller'],
  },
  health: {
    name: 'health',
    placeholder: 'host:port',
    help: 'where /liveness and /readiness are served, or none: neither health nor metrics',
    defaultText: '127.0.0.1:9099',
    default: () => ({ host: '127.0.0.1', port: 9099 }),
    checked: true,
    negatable: 'serve neither health nor metrics',
    commands: ['run'],
  },
  metrics: {
    name: 'metrics',
    placeholder: 'host:port',
    help: 'where /metrics is served for Prometheus, or none',
    defaultText: '127.0.0.1:9091',
    default: () => ({ host: '127.0.0.1', port: 9091 }),
    checked: true,
    commands: ['run'],
  },
};

/** All of them, in order. */
export const settingNames = Object.keys(settingsTable) as readonly SettingName[];

/** `log-level` is MARGAY_LOG_LEVEL in the environment. */
export function variableName(name: string): string {
  return `MARGAY_${name.toUpperCase().replaceAll('-', '_')}`;
}

/** systemd gives a list with colons if the unit has several directories. */
function firstDirectory(list: string | undefined): string | undefined {
  return list?.split(':', 1)[0] || undefined;
}
