import type { Log } from './log.js';

/** Tells the service manager, as sd_notify(3): `READY=1`, `STATUS=…`, `RELOADING=1`, `STOPPING=1`. Never rejects. */
export type Notify = (...assignments: readonly string[]) => Promise<void>;

export interface NotifyOptions {
  /** $NOTIFY_SOCKET; without one there is nobody to tell. */
  readonly notifySocket: string | undefined;
  readonly log: Pick<Log, 'warn'>;
  /** Runs systemd-notify; a stand-in for tests. */
  readonly run?: (args: readonly string[], notifySocket: string) => Promise<unknown>;
}

/**
 * Through `systemd-notify`, as Node has no datagram sockets of the family unix; the unit needs `NotifyAccess=all`, because
 * the message comes from a child. Messages are sent one after another; of those with nothing but a STATUS that wait, only the
 * last one is sent. A failure is told once in the log.
 */
export function createNotify({ notifySocket, log, run = runSystemdNotify }: NotifyOptions): Notify {
  if (!notifySocket) return async () => undefined;
  let told = false;
  let last: Promise<void> = Promise.resolve();
  const send = async (assignments: readonly string[]) => {
    try {
      await run(assignments.map(oneLine), notifySocket);
    } catch (err) {
      if (!told) log.warn({ err }, 'systemd could not be told the state of the service');
      told = true;
    }
  };
  let waitingStatus: { assignments: readonly string[] } | undefined;
  return (...assignments) => {
    const isStatus = assignments.every((assignment) => assignment.startsWith('STATUS='));
    if (isStatus && waitingStatus) {
      waitingStatus.assignments = assignments;
      return last;
    }
    const message = { assignments };
    waitingStatus = isStatus ? message : undefined;
    last = last.then(() => {
      if (waitingStatus === message) waitingStatus = undefined;
      return send(message.assignments);
    });
    return last;
  };
}

/** A line break would begin another assignment. */
function oneLine(assignment: string): string {
  return assignment.replace(/\s*[\r\n]+\s*/g, ' ');
}

async function runSystemdNotify(args: readonly string[], notifySocket: string): Promise<void> {
  const { execa } = await import('execa');
  await execa('systemd-notify', args, { env: { NOTIFY_SOCKET: notifySocket }, stdin: 'ignore', timeout: 5000 });
}
