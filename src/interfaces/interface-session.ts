import type { Clock } from './clock.js';
import { InterfaceError } from './interface-error.js';
import type { Interface, Interfaces } from './interface-source.js';
import type { IpCommand } from './ip-command.js';
import { indexInMonitorLine } from './monitor-line.js';
import { interfacesFromJson } from './parse-addresses.js';

/** Events come in bunches: a new link makes several. */
const COALESCE_MS = 10;
/** One device takes 2 ms, a thousand of them at once 15 ms. */
const MOST_SINGLE_LISTINGS = 4;

export interface SessionListener {
  /** The state after events; the first call has all. */
  listed(interfaces: Interfaces): void;
  /** It is over. At most once, and nothing follows. */
  failed(reason: string): void;
}

export interface InterfaceSession {
  /** Lists everything again, soon. */
  refresh(): void;
  /** Ends the children. */
  stop(): Promise<void>;
}

/** Follows the interfaces until the first thing that fails: events say which to list again, listings what is true. */
export function openInterfaceSession(ip: IpCommand, clock: Clock, listener: SessionListener): InterfaceSession {
  const abort = new AbortController();
  const byIndex = new Map<number, Interface>();
  const dirty = new Set<number>();
  let allDirty = true;
  let following = false;
  let listing: Promise<void> | undefined;
  let cancelTimer: (() => void) | undefined;

  const monitor = ip.monitor((line) => {
    const index = indexInMonitorLine(line);
    if (index === undefined) allDirty = true;
    else dirty.add(index);
    schedule();
  }, fail);
  void monitor.following.then(() => {
    following = true;
    run();
  });

  function schedule(): void {
    if (!following || abort.signal.aborted || listing !== undefined) return;
    cancelTimer ??= clock.after(COALESCE_MS, run);
  }

  function run(): void {
    cancelTimer = undefined;
    if (abort.signal.aborted) return;
    listing = update().then(() => {
      listing = undefined;
      if (allDirty || dirty.size > 0) schedule();
    });
  }

  async function update(): Promise<void> {
    try {
      if (allDirty || dirty.size > MOST_SINGLE_LISTINGS) await listAll();
      else await listDirty();
    } catch (error) {
      fail(error instanceof InterfaceError ? error.message : `listing the interfaces failed: ${String(error)}`);
    }
    if (!abort.signal.aborted) listener.listed(new Map([...byIndex.values()].map((one) => [one.name, one])));
  }

  /** What changes while ip runs is dirty again, so the marks are taken off before. */
  async function listAll(): Promise<void> {
    allDirty = false;
    dirty.clear();
    const interfaces = interfacesFromJson(await ip.list(undefined, abort.signal));
    // There is always a loopback device.
    if (interfaces.size === 0) throw new InterfaceError('failed', 'ip lists no interface at all');
    byIndex.clear();
    for (const one of interfaces.values()) byIndex.set(one.index, one);
  }

  async function listDirty(): Promise<void> {
    const indexes = [...dirty];
    dirty.clear();
    for (const index of indexes) {
      const [one, ...others] = interfacesFromJson(await ip.list(index, abort.signal)).values();
      // Another device can have the name `if7`: then it, not number 7, is listed.
      if (others.length > 0 || (one !== undefined && one.index !== index)) return listAll();
      byIndex.delete(index);
      if (one !== undefined) add(one);
    }
  }

  /** Names are unique in the kernel: who had this one before is gone or renamed, and the event about it is on its way. */
  function add(one: Interface): void {
    for (const other of byIndex.values()) {
      if (other.name === one.name) byIndex.delete(other.index);
    }
    byIndex.set(one.index, one);
  }

  function fail(reason: string): void {
    if (abort.signal.aborted) return;
    void stop();
    listener.failed(reason);
  }

  async function stop(): Promise<void> {
    abort.abort();
    cancelTimer?.();
    await monitor.stop();
    await listing;
  }

  return {
    refresh: () => {
      allDirty = true;
      schedule();
    },
    stop,
  };
}
