import { mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { cleanEnvironment } from '../../lab/agent.js';
import { inNamespace } from '../../lab/command.js';
import { type DaemonProcess, daemonProcess, lastLines } from '../../lab/daemon-process.js';
import { monotonicMs } from '../commits.js';

/** What Felix would do besides policy is off, as Margay does nothing of it; all else is as Felix has it. */
const ENVIRONMENT = {
  FELIX_DATASTORETYPE: 'etcdv3',
  FELIX_NFTABLESMODE: 'Enabled',
  FELIX_BPFENABLED: 'false',
  FELIX_XDPENABLED: 'false',
  FELIX_IPV6SUPPORT: 'true',
  FELIX_IPINIPENABLED: 'false',
  FELIX_VXLANENABLED: 'false',
  FELIX_WIREGUARDENABLED: 'false',
  FELIX_PROGRAMCLUSTERROUTES: 'Disabled',
  FELIX_ROUTESYNCDISABLED: 'true',
  FELIX_USAGEREPORTINGENABLED: 'false',
  FELIX_PROMETHEUSMETRICSENABLED: 'false',
  FELIX_HEALTHENABLED: 'false',
  FELIX_LOGSEVERITYSCREEN: 'INFO',
  FELIX_LOGSEVERITYSYS: 'none',
  FELIX_LOGSEVERITYFILE: 'none',
  FELIX_LOGFILEPATH: 'none',
  // The line that says that it is in force must not be one of those that it drops when it has much to say.
  FELIX_DEBUGDISABLELOGDROPPING: 'true',
};

/**
 * Felix writes below these directories of the machine: it gets its own. Then it waits, so that the time of its start is its own;
 * `$0` is a named pipe.
 */
const PRIVATE =
  'for d in /var/lib/calico /var/run/calico /var/log/calico; do mkdir -p $d && mount -t tmpfs none $d || exit 125; done; ' +
  'read go < "$0"; exec "$@"';

export interface FelixOptions {
  /** The command line of Felix. */
  readonly command: readonly string[];
  readonly namespace: string;
  readonly node: string;
  /** For its log. */
  readonly directory: string;
  readonly etcd: string;
}

export interface Felix extends Omit<DaemonProcess, 'start'> {
  /** Resolves with the time at which Felix itself began, in ms of `monotonicMs`. */
  start(): Promise<number>;
}

/** Source of how it is started: the tests of Calico do the same in containers. */
export async function createFelix({ command, namespace, node, directory, etcd }: FelixOptions): Promise<Felix> {
  await mkdir(directory, { recursive: true });
  const gate = join(directory, 'gate');
  await execa('mkfifo', [gate]);
  const argv = inNamespace(namespace, ['unshare', '--mount', 'sh', '-c', PRIVATE, gate, ...command]);
  const daemon = daemonProcess(argv, join(directory, 'felix.log'), {
    ...cleanEnvironment(),
    ...ENVIRONMENT,
    DATASTORE_TYPE: 'etcdv3',
    ETCD_ENDPOINTS: etcd,
    FELIX_ETCDENDPOINTS: etcd,
    FELIX_FELIXHOSTNAME: node,
  });
  return {
    ...daemon,
    async start() {
      await daemon.start();
      const ended = daemon.exited(30).then((status) => {
        throw new Error(`Felix could not be started (${status}):\n${lastLines(daemon.log())}`);
      });
      // To open the pipe waits until the shell has come so far.
      const opened = open(gate, 'w');
      ended.catch(() => {});
      const file = await Promise.race([opened, ended]);
      const began = monotonicMs();
      await file.write('go\n');
      await file.close();
      return began;
    },
  };
}
