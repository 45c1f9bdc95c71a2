import { rmSync } from 'node:fs';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';

/** PEM files in a directory of their own, and what is in them. */
export interface Certificates {
  readonly directory: string;
  readonly ca: string;
  readonly server: KeyPair;
  /** Of the user `certified`, in the group `system:masters`. */
  readonly client: KeyPair;
  /** Of an authority that nobody knows. */
  readonly strangerCa: string;
}

export interface KeyPair {
  readonly certFile: string;
  readonly keyFile: string;
  readonly cert: string;
  readonly key: string;
}

const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '7'];

/** Made by openssl, valid for a week. The directory is gone when the process has ended. */
export async function makeCertificates(): Promise<Certificates> {
  const directory = await mkdtemp(join(tmpdir(), 'margay-certificates-'));
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
  const file = (name: string): string => join(directory, name);
  const openssl = (args: readonly string[]) => execa('openssl', args, { cwd: directory });
  const authority = (name: string) =>
    openssl(['req', '-x509', ...newKey, '-subj', `/CN=${name}`, '-keyout', `${name}.key`, '-out', `${name}.crt`]);

  async function signed(name: string, subject: string, extensions: string): Promise<KeyPair> {
    await openssl(['req', ...newKey, '-subj', subject, '-keyout', `${name}.key`, '-out', `${name}.csr`]);
    await writeFile(file(`${name}.ext`), extensions);
    const by = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '7'];
    await openssl(['x509', '-req', '-in', `${name}.csr`, ...by, '-extfile', `${name}.ext`, '-out', `${name}.crt`]);
    const [certFile, keyFile] = [file(`${name}.crt`), file(`${name}.key`)];
    return { certFile, keyFile, cert: await readFile(certFile, 'utf8'), key: await readFile(keyFile, 'utf8') };
  }

  await Promise.all([authority('ca'), authority('stranger')]);
  return {
    directory,
    ca: await readFile(file('ca.crt'), 'utf8'),
    server: await signed('server', '/CN=kube-apiserver', 'subjectAltName=IP:127.0.0.1,DNS:kubernetes.default\n'),
    client: await signed('client', '/O=system:masters/CN=certified', 'extendedKeyUsage=clientAuth\n'),
    strangerCa: await readFile(file('stranger.crt'), 'utf8'),
  };
}
