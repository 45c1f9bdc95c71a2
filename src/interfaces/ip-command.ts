/** What is needed of the `ip` command. */
export interface IpCommand {
  /**
   * What `ip -j address show` prints, of all interfaces or of the one with this index (none: `[]`).
   * Rejects with InterfaceError, also when the signal ends it.
   */
  list(index: number | undefined, signal: AbortSignal): Promise<string>;
  /** Starts `ip -o monitor link address`. Nothing is called before it returns; `onEnd` is called at most once. */
  monitor(onLine: (line: string) => void, onEnd: (reason: string) => void): Monitor;
}

export interface Monitor {
  /** Resolves once every change from then on makes a line, or the monitor has ended. */
  readonly following: Promise<void>;
  /** Ends it, without a call of `onEnd`. May be called again. */
  stop(): Promise<void>;
}
