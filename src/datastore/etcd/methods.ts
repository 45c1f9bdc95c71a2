import protobuf from 'protobufjs/light.js';
import { definition } from './definition.js';
import type {
  AuthenticateRequest,
  AuthenticateResponse,
  LeaseGrantRequest,
  LeaseKeepAliveResponse,
  LeaseRequest,
  RangeRequest,
  RangeResponse,
  TxnRequest,
  TxnResponse,
  WatchRequest,
  WatchResponse,
} from './messages.js';

/** One of etcd's remote procedures, in the form that gRPC wants. */
export interface Method<Request, Response> {
  readonly path: string;
  encode(request: Request): Buffer;
  decode(bytes: Buffer): Response;
}

// Numbers instead of objects for 64 bits: revisions stay below 2^53, and the ids of leases are chosen so.
Reflect.set(protobuf.util, 'Long', undefined);
protobuf.configure();

const root = protobuf.Root.fromJSON(definition);

export const methods = {
  range: method<RangeRequest, RangeResponse>('KV/Range', 'RangeRequest', 'RangeResponse'),
  txn: method<TxnRequest, TxnResponse>('KV/Txn', 'TxnRequest', 'TxnResponse'),
  watch: method<WatchRequest, WatchResponse>('Watch/Watch', 'WatchRequest', 'WatchResponse'),
  leaseGrant: method<LeaseGrantRequest, unknown>('Lease/LeaseGrant', 'LeaseGrantRequest', 'LeaseGrantResponse'),
  leaseRevoke: method<LeaseRequest, unknown>('Lease/LeaseRevoke', 'LeaseRevokeRequest', 'LeaseRevokeResponse'),
  leaseKeepAlive: method<LeaseRequest, LeaseKeepAliveResponse>(
    'Lease/LeaseKeepAlive',
    'LeaseKeepAliveRequest',
    'LeaseKeepAliveResponse',
  ),
  authenticate: method<AuthenticateRequest, AuthenticateResponse>(
    'Auth/Authenticate',
    'AuthenticateRequest',
    'AuthenticateResponse',
  ),
};

function method<Request extends object, Response>(
  path: string,
  requestType: string,
  responseType: string,
): Method<Request, Response> {
  const request = root.lookupType(requestType);
  const response = root.lookupType(responseType);
  return {
    path: `/etcdserverpb.${path}`,
    encode: (message) => Buffer.from(request.encode(message).finish()),
    // That the types say what the definition says is tested against a real etcd.
    decode: (bytes) => response.decode(bytes) as unknown as Response,
  };
}
