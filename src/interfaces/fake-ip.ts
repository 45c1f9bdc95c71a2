import { InterfaceError } from './interface-error.js';
import type { Interface } from './interface-source.js';
import type { IpCommand } from './ip-command.js';

export interface FakeIp extends IpCommand {
  /** What the kernel has from now on; a monitor that runs prints lines for what differs. */
  set(interfaces: readonly Interface[]): void;
  /** A line of the monitor. */
  print(line: string): void;
  /** The monitor dies. */
  endMonitor(reason: string): void;
  /** Listings fail from now on, or no longer. */
  failLists(reason: string | undefined): void;
  /** Listings see the state of their start, but end only when the result is called. */
  holdLists(): () => void;
  /** The indexes that were listed, `all` for everything. */
  readonly listed: readonly (number | 'all')[];
  /** How many monitors run. */
  monitors(): number;
}

/** An `ip` command for a kernel of the imagination. */
export function fakeIp(initial: readonly Interface[]): FakeIp {
  let current = initial;
  let failure: string | undefined;
  let gate: Promise<void> = Promise.resolve();
  const listed: (number | 'all')[] = [];
  const monitors = new Map<object, { onLine: (line: string) => void; onEnd: (reason: string) => void }>();
  const print = (line: string): void => {
    for (const { onLine } of monitors.values()) onLine(line);
  };
  return {
    list: async (index, signal) => {
      listed.push(index ?? 'all');
      const text = JSON.stringify(current.filter((one) => index === undefined || one.index === index).map(toJson));
      const reason = failure;
      await gate;
      if (signal.aborted) throw new InterfaceError('failed', 'ip was ended');
      if (reason !== undefined) throw new InterfaceError('failed', reason);
      return text;
    },
    monitor: (onLine, onEnd) => {
      const key = {};
      monitors.set(key, { onLine, onEnd });
      return {
        following: Promise.resolve(),
        stop: async () => {
          monitors.delete(key);
        },
      };
    },
    set: (interfaces) => {
      const before = current;
      current = interfaces;
      for (const one of before) if (!interfaces.some(({ index }) => index === one.index)) print(`Deleted ${line(one)}`);
      for (const one of interfaces) if (!before.includes(one)) print(line(one));
    },
    print,
    endMonitor: (reason) => {
      const ended = [...monitors.values()];
      monitors.clear();
      for (const { onEnd } of ended) onEnd(reason);
    },
    failLists: (reason) => {
      failure = reason;
    },
    holdLists: () => {
      const { promise, resolve } = withResolver();
      gate = promise;
      return resolve;
    },
    listed,
    monitors: () => monitors.size,
  };
}

function line({ index, name, up }: Interface): string {
  return `${index}: ${name}: <${up ? 'UP,LOWER_UP' : ''}> mtu 1500 state ${up ? 'UP' : 'DOWN'} \\    link/ether`;
}

function toJson({ index, name, up, addresses }: Interface): object {
  const addr_info = addresses.map((local) => ({ family: local.includes(':') ? 'inet6' : 'inet', local }));
  return { ifindex: index, ifname: name, flags: up ? ['UP'] : [], operstate: up ? 'UP' : 'DOWN', addr_info };
}

function withResolver(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
