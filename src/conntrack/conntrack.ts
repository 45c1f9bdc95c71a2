/** The connections that the kernel tracks. */
export interface Conntrack {
  /** Deletes those that came from the address, and those that it has answered. Rejects with ConntrackError. */
  deleteConnections(address: string): Promise<void>;
}

/** Why connections could not be deleted. The message is for the operator. */
export class ConntrackError extends Error {
  constructor(
    /** `missing`: no conntrack command; `timeout`; `failed`: anything else. */
    readonly code: 'missing' | 'timeout' | 'failed',
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'ConntrackError';
  }
}
