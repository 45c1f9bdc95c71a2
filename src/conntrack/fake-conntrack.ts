import { type Conntrack, ConntrackError } from './conntrack.js';

/** A connection as the kernel keeps it: who opened it, and who answers, which after NAT is not whom it was opened to. */
export interface FakeConnection {
  readonly source: string;
  readonly replySource: string;
}

export interface FakeConntrack extends Conntrack {
  /** A connection begins. */
  open(source: string, replySource: string): void;
  readonly connections: readonly FakeConnection[];
  /** Addresses for which connections were deleted, in order. */
  readonly deleted: readonly string[];
  /** Deletions fail from now on, or no longer. */
  fail(code: ConntrackError['code'] | undefined): void;
  /** Deletions that begin from now on do not end before the result is called. */
  hold(): () => void;
}

/** The connections of a kernel of the imagination. */
export function fakeConntrack(): FakeConntrack {
  let connections: readonly FakeConnection[] = [];
  let failure: ConntrackError['code'] | undefined;
  let gate: Promise<void> = Promise.resolve();
  const deleted: string[] = [];
  return {
    async deleteConnections(address) {
      await gate;
      if (failure) throw new ConntrackError(failure, `conntrack is ${failure}`);
      deleted.push(address);
      connections = connections.filter(({ source, replySource }) => source !== address && replySource !== address);
    },
    open: (source, replySource) => {
      connections = [...connections, { source, replySource }];
    },
    get connections() {
      return connections;
    },
    deleted,
    fail: (code) => {
      failure = code;
    },
    hold: () => {
      let release = (): void => {};
      gate = new Promise<void>((resolve) => {
        release = resolve;
      });
      return release;
    },
  };
}
