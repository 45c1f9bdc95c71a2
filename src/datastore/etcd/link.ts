import { isIP } from 'node:net';
import { checkServerIdentity } from 'node:tls';
import {
  type ChannelCredentials,
  type ChannelOptions,
  Client,
  connectivityState,
  credentials,
  Metadata,
} from '@grpc/grpc-js';
import type { Access } from './access.js';
import type { Endpoint } from './endpoint.js';
import { EtcdError } from './etcd-error.js';
import { type Method, methods } from './methods.js';
import { statusError } from './status-error.js';

/** In ms. */
export interface LinkTimes {
  /** How long a connection may take to be made. */
  readonly connectMs: number;
  /** How often a server that is waited for is asked for a sign of life; etcd refuses clients that do so every 5 s or more often. */
  readonly keepaliveMs: number;
  /** How long it may take to give it. */
  readonly keepaliveTimeoutMs: number;
}

/** Goes with a request: the token, and whether a member without a leader must refuse it. */
export type Headers = Readonly<Record<string, string>>;

/** The connection to one endpoint. Errors are `EtcdError`s. */
export interface Link {
  readonly endpoint: Endpoint;
  /** Resolves with undefined once it is there, else with the reason. It may have been lost since the last time. */
  untilUp(): Promise<EtcdError | undefined>;
  unary<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    headers: Headers,
    deadlineMs: number,
  ): Promise<Response>;
  stream<Request, Response>(
    method: Method<Request, Response>,
    headers: Headers,
    listener: StreamListener<Response>,
    deadlineMs?: number,
  ): Stream<Request>;
  close(): void;
}

export interface StreamListener<Response> {
  message(response: Response): void;
  /** Told once, and not after `close`. */
  ended(error: EtcdError): void;
}

export interface Stream<Request> {
  send(request: Request): void;
  close(): void;
}

const WINDOW_BYTES = 1 << 20;

export function openLink(endpoint: Endpoint, access: Access, times: LinkTimes): Link {
  const client = new Client(targetOf(endpoint), credentialsFor(endpoint, access), channelOptions(endpoint, times));
  const channel = client.getChannel();
  const calls = new Set<{ cancel(): void }>();
  let isClosed = false;
  let isNew = true;

  function errorOf(error: Parameters<typeof statusError>[0]): EtcdError {
    return isClosed ? abandoned(endpoint) : statusError(error, endpoint, isNew);
  }

  function unary<Request, Response>(
    { path, encode, decode }: Method<Request, Response>,
    request: Request,
    headers: Headers,
    deadlineMs: number,
  ): Promise<Response> {
    if (isClosed) return Promise.reject(abandoned(endpoint));
    return new Promise((resolve, reject) => {
      const options = { deadline: Date.now() + deadlineMs };
      const call = client.makeUnaryRequest(
        path,
        encode,
        decode,
        request,
        metadataOf(headers),
        options,
        (error, response) => {
          calls.delete(call);
          if (error) reject(errorOf(error));
          else if (response === undefined) reject(new EtcdError('internal', `${endpoint.url}: an empty answer`));
          else resolve(response);
        },
      );
      calls.add(call);
    });
  }

  function stream<Request, Response>(
    { path, encode, decode }: Method<Request, Response>,
    headers: Headers,
    listener: StreamListener<Response>,
    deadlineMs = Number.POSITIVE_INFINITY,
  ): Stream<Request> {
    if (isClosed) throw abandoned(endpoint);
    const options = { deadline: Date.now() + deadlineMs };
    const call = client.makeBidiStreamRequest(path, encode, decode, metadataOf(headers), options);
    calls.add(call);
    const end = (error: EtcdError): void => {
      if (calls.delete(call)) listener.ended(error);
    };
    call.on('data', (response: Response) => {
      if (calls.has(call)) listener.message(response);
    });
    call.on('error', (error: Parameters<typeof statusError>[0]) => end(errorOf(error)));
    call.on('end', () =>
      end(new EtcdError('unreachable', `${endpoint.url}: it has ended the stream`, { elsewhere: true })),
    );
    return {
      send: (request) => void call.write(request),
      close() {
        calls.delete(call);
        call.cancel();
      },
    };
  }

  /** gRPC tells why it has no connection only to those who want to use it. */
  async function whyNot(): Promise<EtcdError | undefined> {
    try {
      await unary(methods.range, { key: '\0', limit: 1 }, {}, 1000);
      return undefined;
    } catch (error) {
      return error instanceof EtcdError && error.elsewhere ? error : undefined;
    }
  }

  return {
    endpoint,
    unary,
    stream,
    async untilUp() {
      if (isClosed) return abandoned(endpoint);
      const state = await settled(channel, times.connectMs);
      if (state === connectivityState.READY) isNew = false;
      if (state === connectivityState.READY) return undefined;
      if (state === connectivityState.TRANSIENT_FAILURE) return whyNot();
      const message = `${endpoint.url}: no connection within ${times.connectMs / 1000} s`;
      return new EtcdError('unreachable', message, { elsewhere: true });
    },
    close() {
      isClosed = true;
      for (const call of calls) call.cancel();
      client.close();
    },
  };
}

function abandoned({ url }: Endpoint): EtcdError {
  const message = `${url}: its connection was given up`;
  return new EtcdError('unreachable', message, { elsewhere: true, undecided: true });
}

/** The state of the channel once it is known whether it can connect, or whatever it is when the time is over. */
function settled(channel: ReturnType<Client['getChannel']>, timeoutMs: number): Promise<connectivityState> {
  const deadline = Date.now() + timeoutMs;
  return new Promise((resolve) => {
    const look = (isLate?: Error): void => {
      const state = channel.getConnectivityState(true);
      const { READY, TRANSIENT_FAILURE, SHUTDOWN } = connectivityState;
      if (isLate || state === READY || state === TRANSIENT_FAILURE || state === SHUTDOWN) resolve(state);
      else channel.watchConnectivityState(state, deadline, look);
    };
    look();
  });
}

function metadataOf(headers: Headers): Metadata {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
  return metadata;
}

function targetOf({ host, port }: Endpoint): string {
  const version = isIP(host);
  if (version === 0) return `dns:${host}:${port}`;
  return version === 6 ? `ipv6:[${host}]:${port}` : `ipv4:${host}:${port}`;
}

function credentialsFor({ secure, host }: Endpoint, { ca, cert, key }: Access): ChannelCredentials {
  if (!secure) return credentials.createInsecure();
  try {
    // gRPC takes the name that it asks the server for (below) for the one to check.
    const verify = isIP(host) === 0 ? {} : { checkServerIdentity: (_: string, found: Found) => identity(host, found) };
    return credentials.createSsl(ca ?? null, key ?? null, cert ?? null, verify);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const message = `certificates or key can not be used (--etcd-ca, --etcd-cert, --etcd-key): ${why}`;
    throw new EtcdError('access', message, { cause: error });
  }
}

type Found = Parameters<typeof checkServerIdentity>[1];
const identity = (host: string, found: Found): Error | undefined => checkServerIdentity(host, found);

function channelOptions({ secure, host }: Endpoint, { keepaliveMs, keepaliveTimeoutMs }: LinkTimes): ChannelOptions {
  return {
    // A connection of its own: one that has failed must not be met again.
    'grpc.use_local_subchannel_pool': 1,
    // Whoever calls decides what is tried again, and proxies of the environment are for web browsers.
    'grpc.enable_retries': 0,
    'grpc.enable_http_proxy': 0,
    'grpc.service_config_disable_resolution': 1,
    'grpc.max_receive_message_length': -1,
    'grpc.keepalive_time_ms': keepaliveMs,
    'grpc.keepalive_timeout_ms': keepaliveTimeoutMs,
    'grpc-node.flow_control_window': WINDOW_BYTES,
    // TLS does not allow an address as the name of the server that is asked for.
    ...(secure && isIP(host) !== 0 ? { 'grpc.ssl_target_name_override': 'localhost' } : {}),
  };
}
