import { readFile } from 'node:fs/promises';
import { EtcdError } from './etcd-error.js';

/** What etcd is shown, and what its certificate is checked with. */
export interface Access {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
  readonly user?: string;
  readonly password?: string;
}

/** Where that comes from. */
export interface AccessFiles {
  readonly caFile?: string | undefined;
  readonly certFile?: string | undefined;
  readonly keyFile?: string | undefined;
  readonly user?: string | undefined;
  readonly passwordFile?: string | undefined;
  /** Counts if there is no file for it. */
  readonly password?: string | undefined;
}

/** Reads the files, for each connection anew: certificates and passwords are renewed while the daemon runs. */
export async function readAccess(files: AccessFiles): Promise<Access> {
  const [ca, cert, key, passwordText] = await Promise.all([
    read(files.caFile, 'the CA certificate'),
    read(files.certFile, 'the client certificate'),
    read(files.keyFile, "the client certificate's key"),
    read(files.passwordFile, 'the password'),
  ]);
  const password = passwordText?.toString().replace(/\r?\n$/, '') ?? files.password;
  return {
    ...(ca && { ca }),
    ...(cert && { cert }),
    ...(key && { key }),
    ...(files.user !== undefined && { user: files.user }),
    ...(password !== undefined && { password }),
  };
}

async function read(path: string | undefined, what: string): Promise<Buffer | undefined> {
  if (path === undefined) return undefined;
  try {
    return await readFile(path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'there is no such file' : message;
    throw new EtcdError('access', `${what} can not be read from ${path}: ${why}`, { cause: error });
  }
}
