/** Why the interfaces can't be told. The message is for the operator. */
export class InterfaceError extends Error {
  constructor(
    /** `unreadable`: not what `ip -j address show` prints; `missing`: no ip command; `timeout`; `failed`: anything else of ip. */
    readonly code: 'unreadable' | 'missing' | 'timeout' | 'failed',
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'InterfaceError';
  }
}
