import type { Status } from '../../src/observe/status.js';
import type { Machine } from './machine.js';
import { until } from './until.js';

/** The daemon of a machine as its systemd sees it. */
export interface MargayService {
  property(name: string): Promise<string>;
  mainPid(): Promise<number>;
  /** All its processes, children too. */
  pids(): Promise<number[]>;
  status(): Promise<Status>;
  /** Until everything that is in the datastore now is in force. */
  settled(): Promise<void>;
  /** The messages of the unit since the machine was started. */
  journal(): Promise<string>;
  /** Until something new in the journal since `before` matches. */
  told(pattern: RegExp, before: string): Promise<void>;
  /** Until it was started again by systemd after `before` restarts, and is ready. */
  restarted(before: number): Promise<void>;
  active(): Promise<void>;
  restarts(): Promise<number>;
  /** Replaces the drop-in of the tests; undefined takes it away. Takes effect with the next start. */
  dropIn(lines: readonly string[] | undefined): Promise<void>;
  /** Replaces the settings file and has it read. */
  settings(text: string): Promise<void>;
}

const DROP_IN = '/run/systemd/system/margay.service.d/e2e.conf';
const SETTINGS = '/etc/margay/margay.yaml';

export function margayService(machine: Machine): MargayService {
  const property: MargayService['property'] = (name) =>
    machine.must(['systemctl', 'show', 'margay', '-p', name, '--value']);
  const restarts = async () => Number(await property('NRestarts'));
  const active = async () => {
    await until(
      () => property('ActiveState'),
      (state) => state === 'active',
      'margay.service is active',
      90 * machine.slowness,
    );
  };
  const journal = () => machine.must(['journalctl', '-b', '-u', 'margay', '-o', 'cat', '--no-pager']);
  const settled = async () => {
    await machine.must(['margay', 'status', `--wait=${45 * machine.slowness}`]);
  };
  const told: MargayService['told'] = async (pattern, before) => {
    const news = async () => (await journal()).slice(before.length);
    await until(news, (text) => pattern.test(text), `the journal tells ${pattern}`, 60 * machine.slowness);
  };
  return {
    property,
    restarts,
    active,
    journal,
    settled,
    mainPid: async () => {
      const pid = Number(await property('MainPID'));
      // A signal to 0 would go to whoever sends it.
      if (!(pid > 0)) throw new Error('margay.service has no main process');
      return pid;
    },
    pids: async () => {
      const list = await machine.must(['cat', '/sys/fs/cgroup/system.slice/margay.service/cgroup.procs']);
      return list.split('\n').filter(Boolean).map(Number);
    },
    status: async () => {
      const { stdout, stderr } = await machine.exec(['margay', 'status', '--json']);
      if (stdout === '') throw new Error(`${machine.name}: margay status: ${stderr}`);
      return JSON.parse(stdout) as Status;
    },
    told,
    restarted: async (before) => {
      await until(restarts, (now) => now > before, 'systemd starts margay.service again', 60 * machine.slowness);
      await active();
    },
    dropIn: async (lines) => {
      if (lines === undefined) await machine.must(['rm', '-f', DROP_IN]);
      else await machine.put(DROP_IN, ['[Service]', ...lines, ''].join('\n'));
      await machine.must(['systemctl', 'daemon-reload']);
    },
    settings: async (text) => {
      const before = await journal();
      await machine.put(SETTINGS, text);
      await machine.must(['systemctl', 'reload', 'margay']);
      await told(/margay starts/, before);
    },
  };
}
