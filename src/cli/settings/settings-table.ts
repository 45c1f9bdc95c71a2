import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { type LogFormat, type LogLevel, logFormats, logLevels } from '../../observe/log-level.js';
import type { Environment } from './environment.js';
import { etcdEnvironment } from './etcd-environment.js';
import type { DatastoreSetting } from './settings-datastore.js';

/** The settings of the process. What decides about packets is not here but in Calico's FelixConfiguration. */
export interface Settings {
  /** Which `spec.node` is this node's. */
  readonly node: string;
  readonly datastore: DatastoreSetting;
  /** Files, and the user: what etcd is shown. A file with a password beats the environment's. */
  readonly etcdCa: string | undefined;
  readonly etcdCert: string | undefined;
  readonly etcdKey: string | undefined;
  readonly etcdUser: string | undefined;
  readonly etcdPasswordFile: string | undefined;
  readonly runDir: string;
  readonly stateDir: string;
  readonly driver: (typeof drivers)[number];
  readonly lists: (typeof listForms)[number];
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
/** `client` is every command that reads and writes objects of the datastore: get, describe, apply, ... */
export type SettingsCommand = 'run' | 'render' | 'status' | 'uninstall' | 'boot' | 'doctor' | 'client' | 'controller';

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
export const drivers = ['nft', 'nft-spawn'] as const;

/** Forms of lists of policies in the ruleset. */
export const listForms = ['compiled', 'plain'] as const;

/** The directories that systemd gives the service. */
export const serviceRunDir = '/run/margay';
export const serviceStateDir = '/var/lib/margay';

/** Every setting, in the order of the help; a default may depend on settings before it. */
export const settingsTable: { readonly [Name in SettingName]: Setting<Settings[Name]> } = {
  config: {
    name: 'config',
    placeholder: 'file',
    help: 'file with settings; one that is named must exist',
    defaultText: '/etc/margay/margay.yaml',
    default: () => '/etc/margay/margay.yaml',
    inFile: false,
    commands: ['run', 'render', 'status', 'uninstall', 'client', 'boot', 'doctor', 'controller'],
  },
  node: {
    name: 'node',
    placeholder: 'name',
    help: 'name of this node, exactly as in spec.node of its endpoints',
    defaultText: 'host name in lower case',
    default: () => hostname().trim().toLowerCase(),
    commands: ['run', 'render', 'doctor'],
  },
  datastore: {
    name: 'datastore',
    placeholder: 'url',
    help: 'where resources come from: file:DIR (each *.yaml, *.yml and *.json below DIR), etcd:URL[,URL...] or kubernetes:[KUBECONFIG]',
    defaultText: 'file:/etc/margay/resources.d',
    default: () => ({ type: 'file', url: 'file:/etc/margay/resources.d', directory: '/etc/margay/resources.d' }),
    checked: true,
    commands: ['run', 'render', 'doctor', 'client', 'controller'],
  },
  etcdCa: {
    name: 'etcd-ca',
    placeholder: 'file',
    help: "certificate of the authority that has signed etcd's",
    defaultText: '$ETCD_CA_CERT_FILE',
    default: (environment) => etcdEnvironment(environment, 'ca'),
    commands: ['run', 'render', 'doctor', 'client'],
  },
  etcdCert: {
    name: 'etcd-cert',
    placeholder: 'file',
    help: 'client certificate for etcd',
    defaultText: '$ETCD_CERT_FILE',
    default: (environment) => etcdEnvironment(environment, 'cert'),
    commands: ['run', 'render', 'doctor', 'client'],
  },
  etcdKey: {
    name: 'etcd-key',
    placeholder: 'file',
    help: 'key of the client certificate',
    defaultText: '$ETCD_KEY_FILE',
    default: (environment) => etcdEnvironment(environment, 'key'),
    commands: ['run', 'render', 'doctor', 'client'],
  },
  etcdUser: {
    name: 'etcd-user',
    placeholder: 'name',
    help: 'user of etcd',
    defaultText: '$ETCD_USERNAME',
    default: (environment) => etcdEnvironment(environment, 'user'),
    commands: ['run', 'render', 'doctor', 'client'],
  },
  etcdPasswordFile: {
    name: 'etcd-password-file',
    placeholder: 'file',
    help: 'file with the password of that user',
    defaultText: 'none; the password is $ETCD_PASSWORD',
    default: () => undefined,
    commands: ['run', 'render', 'doctor', 'client'],
  },
  runDir: {
    name: 'run-dir',
    placeholder: 'dir',
    help: 'directory of the socket and the pid of one daemon',
    defaultText: '$RUNTIME_DIRECTORY, else /run/margay',
    default: (environment) => firstDirectory(environment.RUNTIME_DIRECTORY) ?? serviceRunDir,
    commands: ['run', 'status', 'uninstall', 'boot', 'doctor'],
  },
  stateDir: {
    name: 'state-dir',
    placeholder: 'dir',
    help: 'directory of what outlives the daemon: last valid objects, last ruleset',
    defaultText: '$STATE_DIRECTORY, else that of the service if it is installed, else RUN-DIR/state',
    default: (environment, { runDir = serviceRunDir }) =>
      firstDirectory(environment.STATE_DIRECTORY) ?? stateDirOf(runDir),
    commands: ['run', 'uninstall', 'boot', 'doctor'],
  },
  driver: {
    name: 'driver',
    placeholder: 'name',
    help: 'how the kernel is reached: nft (a process that stays, for small changes), nft-spawn (one for each)',
    defaultText: 'nft',
    default: () => 'nft',
    checked: true,
    commands: ['run', 'uninstall'],
  },
  lists: {
    name: 'lists',
    placeholder: 'form',
    help: 'lists of policies: compiled (by port), or plain (all rules in their order, for comparison)',
    defaultText: 'compiled',
    default: () => 'compiled',
    checked: true,
    commands: ['run', 'render'],
  },
  logLevel: {
    name: 'log-level',
    placeholder: 'level',
    help: `least level that is logged: ${logLevels.join(', ')}`,
    defaultText: 'info',
    default: () => 'info',
    checked: true,
    commands: ['run', 'render', 'uninstall', 'client', 'controller'],
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

/** Commands beside the service find its state; daemons with a run directory of their own share nothing with it. */
function stateDirOf(runDir: string): string {
  return runDir === serviceRunDir && existsSync(serviceStateDir) ? serviceStateDir : join(runDir, 'state');
}
