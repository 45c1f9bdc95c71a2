export type EtcdErrorCode =
  /** No member can be reached, or those that can be have no quorum. */
  | 'unreachable'
  /** It broke while a change was on its way: it may have been made. */
  | 'uncertain'
  /** User or password are wrong or missing, or the token has expired. */
  | 'unauthenticated'
  | 'forbidden'
  /** The revision that was asked for is gone, or has not been there in this store. */
  | 'no-such-revision'
  /** The files with certificates or password can't be used. */
  | 'access'
  | 'closed'
  | 'internal';

interface EtcdErrorOptions {
  readonly elsewhere?: boolean;
  readonly undecided?: boolean;
  readonly cause?: unknown;
}

/** What a request to etcd ended with. The message names the endpoint and says what to look at. */
export class EtcdError extends Error {
  readonly code: EtcdErrorCode;
  /** Another endpoint may do better. */
  readonly elsewhere: boolean;
  /** What was asked for may have been done. */
  readonly undecided: boolean;

  constructor(code: EtcdErrorCode, message: string, options: EtcdErrorOptions = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.name = 'EtcdError';
    this.code = code;
    this.elsewhere = options.elsewhere ?? false;
    this.undecided = options.undecided ?? false;
  }
}

/** Of something else that was thrown: a mistake of the program, or the system's. */
export function asEtcdError(error: unknown): EtcdError {
  if (error instanceof EtcdError) return error;
  return new EtcdError('internal', error instanceof Error ? error.message : String(error), { cause: error });
}
