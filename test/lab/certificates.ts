import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Files with a certificate, and its key. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** An authority of the test's own, in a directory of its own. */
export interface Authority {
  /** The certificate of the authority. */
  readonly ca: string;
  /** A certificate for `name`, good for servers at `addresses` (`IP:127.0.0.1`, `DNS:localhost`) and for clients. */
  issue(name: string, addresses?: readonly string[]): Certificate;
}

export function createAuthority(directory: string): Authority {
  mkdirSync(directory, { recursive: true });
  const path = (name: string) => join(directory, name);
  const openssl = (...args: readonly string[]) => void execFileSync('openssl', args, { stdio: 'ignore' });
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl(
    'req',
    '-x509',
    ...newKey,
    '-keyout',
    path('ca.key'),
    '-out',
    path('ca.pem'),
    '-days',
    '1',
    '-subj',
    '/CN=ca',
  );
  return {
    ca: path('ca.pem'),
    issue(name, addresses = []) {
      const [key, cert, request] = [path(`${name}.key`), path(`${name}.pem`), path(`${name}.csr`)];
      const extensions = path(`${name}.ext`);
      const names = addresses.length > 0 ? `subjectAltName=${addresses.join(',')}\n` : '';
      writeFileSync(extensions, `${names}extendedKeyUsage=serverAuth,clientAuth\n`);
      openssl('req', ...newKey, '-keyout', key, '-out', request, '-subj', `/CN=${name}`);
      const signer = ['-CA', path('ca.pem'), '-CAkey', path('ca.key'), '-CAcreateserial'];
      openssl('x509', '-req', '-in', request, ...signer, '-out', cert, '-days', '1', '-extfile', extensions);
      return { cert, key };
    },
  };
}
