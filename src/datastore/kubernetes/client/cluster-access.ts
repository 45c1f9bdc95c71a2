import type { SecureContextOptions } from 'node:tls';

/** How to reach an API server, and what to tell it about who asks. */
export interface ClusterAccess {
  /** Without a path at the end; no credentials in it. */
  readonly server: string;
  readonly tls: TlsOptions;
  readonly credentials: Credentials;
  /** For the operator: what is not as safe as it should be. */
  readonly warnings: readonly string[];
}

export interface TlsOptions extends Pick<SecureContextOptions, 'ca' | 'cert' | 'key'> {
  /** The name in the server's certificate; undefined: its host. */
  readonly servername?: string;
  /** False: anybody may pose as the server. */
  readonly rejectUnauthorized: boolean;
}

/** What proves who asks; asked for with each request, because tokens are replaced while they are in use. */
export interface Credentials {
  /** The value of the header `authorization`; undefined if there is none. */
  authorization(): Promise<string | undefined>;
  /** The server did not accept what it got: get something else next time. */
  refused(): void;
}

/** Somebody who shows nothing but a client certificate, if that. */
export const noCredentials: Credentials = { authorization: async () => undefined, refused: () => undefined };

/** What is wrong with the settings of a cluster; the message says where. */
export class AccessError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? {} : { cause });
    this.name = 'AccessError';
  }
}
