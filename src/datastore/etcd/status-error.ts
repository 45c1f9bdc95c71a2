import { type ServiceError, status } from '@grpc/grpc-js';
import type { Endpoint } from './endpoint.js';
import { EtcdError, type EtcdErrorCode } from './etcd-error.js';

/** What etcd, or the way to it, answered, as an error for people. `isNew`: the connection has never been there. */
export function statusError(
  error: Pick<ServiceError, 'code' | 'details'>,
  endpoint: Endpoint,
  isNew = false,
): EtcdError {
  const details = plain(error.details);
  const [code, explanation] = meaning(error.code, details, endpoint, isNew);
  return new EtcdError(code, `${endpoint.url}: ${explanation}`, {
    elsewhere: elsewhere.has(error.code),
    undecided: undecided.has(error.code) && !/no leader/.test(details),
    cause: error,
  });
}

/** Codes of a server that is in trouble, or that is not reached. */
const elsewhere: ReadonlySet<number> = new Set([
  status.UNKNOWN,
  status.DEADLINE_EXCEEDED,
  status.RESOURCE_EXHAUSTED,
  status.UNIMPLEMENTED,
  status.INTERNAL,
  status.UNAVAILABLE,
  status.DATA_LOSS,
]);

/** Codes of requests that may have been carried out. */
const undecided: ReadonlySet<number> = new Set([
  status.UNKNOWN,
  status.DEADLINE_EXCEEDED,
  status.INTERNAL,
  status.UNAVAILABLE,
]);

function meaning(code: number, details: string, endpoint: Endpoint, isNew: boolean): [EtcdErrorCode, string] {
  switch (code) {
    case status.CANCELLED:
      return ['closed', 'the request was cancelled'];
    case status.DEADLINE_EXCEEDED:
      return ['unreachable', 'it did not answer in time'];
    case status.UNAVAILABLE:
      return ['unreachable', connectionProblem(details, endpoint, isNew)];
    case status.UNAUTHENTICATED:
      return ['unauthenticated', details];
    case status.PERMISSION_DENIED:
      return ['forbidden', details];
    case status.OUT_OF_RANGE:
      return ['no-such-revision', details];
    case status.INVALID_ARGUMENT:
    case status.FAILED_PRECONDITION:
      return [/auth|user name is empty/.test(details) ? 'unauthenticated' : 'internal', authProblem(details)];
    default:
      return ['internal', details === '' ? `error ${status[code] ?? code}` : details];
  }
}

function authProblem(details: string): string {
  if (/user name is empty/.test(details)) return 'it wants a user: set --etcd-user and --etcd-password-file';
  if (/authentication failed/.test(details)) return 'user or password is wrong (--etcd-user, --etcd-password-file)';
  return details;
}

/** OpenSSL's and Node's words mean little to an operator. */
function connectionProblem(details: string, endpoint: Endpoint, isNew: boolean): string {
  const hint = hints.find(([pattern]) => pattern.test(details))?.[1];
  if (hint !== undefined) return `${hint} (${details})`;
  if (!/ECONNRESET|closed|Failed to connect|before secure TLS|Connection dropped/i.test(details)) return details;
  return `${isNew ? refusal(endpoint) : 'the connection broke'} (${details})`;
}

function refusal({ secure }: Endpoint): string {
  if (!secure) return 'it has closed the connection at once: does it want https:?';
  return 'it has closed the connection at once: write http: if it does not speak TLS; does it want a client certificate, see --etcd-cert and --etcd-key?';
}

const hints: readonly (readonly [RegExp, string])[] = [
  [/ECONNREFUSED/, 'nothing listens there'],
  [/ENOTFOUND|EAI_AGAIN|Name resolution/, 'its name can not be resolved'],
  [/EHOSTUNREACH|ENETUNREACH/, 'there is no way to it'],
  [/self.signed|unable to (get|verify)|UNABLE_TO|issuer/i, 'its certificate is not signed by the CA: see --etcd-ca'],
  [/altnames|Hostname\/IP/i, 'its certificate is for other names'],
  [/has expired|CERT_HAS_EXPIRED/i, 'its certificate has expired'],
  [
    /alert (bad certificate|certificate required|unknown ca|handshake failure)|alert number/i,
    'it refuses our client certificate or misses one: see --etcd-cert and --etcd-key',
  ],
  [/wrong version number|packet length too long/i, 'it does not seem to speak TLS: write http:'],
  [/no leader|leader changed/, 'the cluster has no leader: too few of its members are up'],
  [/request timed out/, 'the cluster does not decide: too few of its members are up, or their disks are slow'],
  [/Protocol error/, 'it does not speak HTTP/2: is it etcd, and version 3?'],
];

/** Without what gRPC and OpenSSL add: times, notes about the resolver, places in the source. */
function plain(details: string): string {
  return details
    .replace(/[0-9A-F]{8,}:error:[0-9A-F]+:([^:]*):[^:]*:([^:]*):.*$/s, '$1: $2')
    .replace(/^No connection established\. Last error: /, '')
    .replace(/ *\(\d{4}-\d\d-\d\dT[\d:.]+Z\)/g, '')
    .replace(/\.? *Resolution note: .*$/s, '')
    .replace(/^(etcdserver|Error): /, '')
    .trim();
}
