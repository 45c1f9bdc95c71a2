/** A network interface of the host's network namespace. */
export interface Interface {
  readonly name: string;
  readonly index: number;
  /** Operationally up, as far as can be told (an interface without carrier detection counts as up when it is set up). */
  readonly up: boolean;
  /** IPv4 and IPv6 addresses in canonical text, without prefix length or zone. */
  readonly addresses: readonly string[];
}

/** All interfaces by name. Each change makes a new map; unchanged interfaces keep their identity. */
export type Interfaces = ReadonlyMap<string, Interface>;

export interface InterfaceListener {
  /** The first call is the complete list. Several events at once make one call. */
  changed(interfaces: Interfaces): void;
  /** It can't be followed at the moment (for log and status); the last list stands. Undefined: it can again. */
  problem(reason: string | undefined): void;
}

/** The interfaces of this host, followed. */
export interface InterfaceSource {
  start(listener: InterfaceListener): void;
  stop(): Promise<void>;
}
