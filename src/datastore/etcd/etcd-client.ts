import type { Access } from './access.js';
import type { Endpoint } from './endpoint.js';
import { asEtcdError, EtcdError } from './etcd-error.js';
import { type Headers, type Link, type LinkTimes, openLink, type Stream } from './link.js';
import type {
  LeaseKeepAliveResponse,
  RangeRequest,
  RangeResponse,
  TxnRequest,
  TxnResponse,
  WatchCreateRequest,
  WatchResponse,
} from './messages.js';
import { type Method, methods } from './methods.js';

export interface EtcdClientOptions {
  /** Asked again for each connection. */
  endpoints(): Promise<readonly Endpoint[]>;
  access(): Promise<Access>;
  readonly times?: Partial<ClientTimes>;
  /** Which endpoint to begin with, of so many. Default: any, so that the clients of a cluster spread. */
  readonly first?: (count: number) => number;
}

/** In ms. */
export interface ClientTimes extends LinkTimes {
  /** How long an answer may take, after which the next endpoint is asked. */
  readonly answerMs: number;
}

export interface CallOptions {
  /** A member that has no leader refuses at once, instead of waiting for one. */
  readonly requireLeader?: boolean;
  /** How long the answer may take, if not as long as `ClientTimes` says. */
  readonly answerMs?: number;
}

export interface WatchListener {
  response(response: WatchResponse): void;
  /** Told once, and not after `close`: the watch has to be begun again, if that helps. */
  ended(error: EtcdError): void;
}

export interface OpenWatch {
  close(): void;
}

/**
 * etcd, by whichever of its endpoints answers. What only reads is tried at each of them; a change whose connection breaks is an
 * error, because it may have been made. Errors are `EtcdError`s.
 */
export interface EtcdClient {
  range(request: RangeRequest, options?: CallOptions): Promise<RangeResponse>;
  txn(request: TxnRequest, options?: CallOptions): Promise<TxnResponse>;
  /** A lease of `ttl` seconds with the id. */
  leaseGrant(id: number, ttl: number, options?: CallOptions): Promise<void>;
  /** The seconds that the lease has now; 0 if it has expired. */
  leaseKeepAlive(id: number, options?: CallOptions): Promise<number>;
  leaseRevoke(id: number, options?: CallOptions): Promise<void>;
  watch(request: WatchCreateRequest, listener: WatchListener): OpenWatch;
  close(): void;
}

const TIMES: ClientTimes = { connectMs: 3000, keepaliveMs: 5500, keepaliveTimeoutMs: 2500, answerMs: 10_000 };

export function etcdClient(options: EtcdClientOptions): EtcdClient {
  const times = { ...TIMES, ...options.times };
  let position: number | undefined;
  let current: Promise<Link> | undefined;
  /** The one that was opened last, which may still be on its way. */
  let latest: Link | undefined;
  let token: Promise<string | undefined> | undefined;
  let access: Access = {};
  let isClosed = false;

  /** The connection there is, or a new one. */
  async function connected(): Promise<Link> {
    if (current !== undefined) {
      const link = await current;
      if ((await link.untilUp()) === undefined) return link;
      drop(link);
    }
    if (isClosed) throw closed();
    // Whoever comes meanwhile gets the same one.
    current ??= firstReached().catch((error) => {
      current = undefined;
      throw error;
    });
    return current;
  }

  async function firstReached(): Promise<Link> {
    const endpoints = await options.endpoints();
    access = await options.access();
    position ??= options.first?.(endpoints.length) ?? Math.floor(Math.random() * endpoints.length);
    const failures: EtcdError[] = [];
    for (const _ of endpoints) {
      const endpoint = endpoints[position % endpoints.length];
      if (endpoint === undefined) break;
      const link = openLink(endpoint, access, times);
      latest = link;
      const failure = await link.untilUp();
      if (failure === undefined && !isClosed) return link;
      link.close();
      if (isClosed) throw closed();
      if (failure !== undefined) failures.push(failure);
      position += 1;
    }
    throw allFailed(failures);
  }

  /** The next request goes to the next endpoint; what is under way with this one fails, and goes there, too. */
  function drop(link: Link): void {
    if (latest !== link) return;
    latest = undefined;
    current = undefined;
    position = (position ?? 0) + 1;
    link.close();
  }

  async function headers(link: Link, requireLeader: boolean): Promise<Headers> {
    token ??= authenticate(link);
    const shared = token;
    try {
      const text = await shared;
      return { ...(text !== undefined && { token: text }), ...(requireLeader && { hasleader: 'true' }) };
    } catch (error) {
      if (token === shared) token = undefined;
      throw error;
    }
  }

  async function authenticate(link: Link): Promise<string | undefined> {
    const { user: name, password } = access;
    if (name === undefined || password === undefined) return undefined;
    try {
      return (await link.unary(methods.authenticate, { name, password }, {}, times.answerMs)).token;
    } catch (error) {
      // Neither does etcdctl mind a password that nobody asks for.
      if (error instanceof EtcdError && /authentication is not enabled/.test(error.message)) return undefined;
      throw error;
    }
  }

  /** `change`: not to be made twice. */
  async function call<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    { change = false, requireLeader = false, answerMs = times.answerMs }: CallOptions & { change?: boolean },
  ): Promise<Response> {
    let mayRenew = true;
    for (let moves = 0; ; ) {
      const link = await connected();
      let isSent = false;
      try {
        const sent = await headers(link, requireLeader);
        isSent = true;
        return await link.unary(method, request, sent, answerMs);
      } catch (thrown) {
        const error = asEtcdError(thrown);
        if (isClosed) throw closed();
        if (isSent && mayRenew && error.code === 'unauthenticated' && access.user !== undefined) {
          mayRenew = false;
          token = undefined;
          continue;
        }
        if (!error.elsewhere) throw error;
        drop(link);
        if (change && isSent && error.undecided) throw uncertain(error);
        moves += 1;
        if (moves > (await options.endpoints()).length) throw error;
      }
    }
  }

  /** etcd has this as a stream only. */
  async function keepAlive(id: number, { answerMs = times.answerMs }: CallOptions): Promise<number> {
    const link = await connected();
    const sent = await headers(link, true);
    return new Promise((resolve, reject) => {
      const listener = {
        message({ ttl }: LeaseKeepAliveResponse) {
          stream.close();
          resolve(ttl);
        },
        ended(error: EtcdError) {
          if (error.elsewhere) drop(link);
          reject(error);
        },
      };
      const stream = link.stream(methods.leaseKeepAlive, sent, listener, answerMs);
      stream.send({ id });
    });
  }

  function watch(request: WatchCreateRequest, listener: WatchListener): OpenWatch {
    let stream: Stream<{ createRequest: WatchCreateRequest }> | undefined;
    let isOver = false;
    const end = (error: EtcdError): void => {
      if (isOver) return;
      isOver = true;
      stream?.close();
      listener.ended(isClosed ? closed() : error);
    };
    const begin = async (): Promise<void> => {
      const link = await connected();
      // etcd tells a token that has expired from a missing permission only in requests, so a watch gets a new one.
      token = undefined;
      const sent = await headers(link, true);
      if (isOver) return;
      stream = link.stream(methods.watch, sent, {
        message(response) {
          if (isOver) return;
          if (response.canceled) end(canceled(response, link.endpoint));
          else listener.response(response);
        },
        ended(error) {
          if (error.elsewhere) drop(link);
          end(error);
        },
      });
      stream.send({ createRequest: request });
    };
    begin().catch((error) => end(asEtcdError(error)));
    return {
      close() {
        isOver = true;
        stream?.close();
      },
    };
  }

  return {
    range: (request, callOptions = {}) => call(methods.range, request, callOptions),
    txn: (request, callOptions = {}) => call(methods.txn, request, { ...callOptions, change: true }),
    async leaseGrant(id, ttl, callOptions = {}) {
      await call(methods.leaseGrant, { id, ttl }, callOptions);
    },
    leaseKeepAlive: (id, callOptions = {}) => keepAlive(id, callOptions),
    async leaseRevoke(id, callOptions = {}) {
      await call(methods.leaseRevoke, { id }, callOptions);
    },
    watch,
    close() {
      isClosed = true;
      latest?.close();
    },
  };
}

function canceled({ compactRevision, cancelReason }: WatchResponse, { url }: Endpoint): EtcdError {
  if (compactRevision !== 0)
    return new EtcdError('no-such-revision', `${url}: what was before revision ${compactRevision} is compacted`);
  if (/permission denied/i.test(cancelReason)) return new EtcdError('forbidden', `${url}: permission denied`);
  if (/auth/i.test(cancelReason)) return new EtcdError('unauthenticated', `${url}: ${cancelReason}`);
  const message = `${url}: the server has ended the watch${cancelReason === '' ? '' : `: ${cancelReason}`}`;
  return new EtcdError('unreachable', message, { elsewhere: true });
}

/** In one order whatever the endpoint was that it began with. */
function allFailed(failures: readonly EtcdError[]): EtcdError {
  const [first] = failures;
  if (first !== undefined && failures.length === 1) return first;
  if (first === undefined) return new EtcdError('access', 'there is no endpoint: name one in --datastore etcd:URL');
  return new EtcdError(
    'unreachable',
    failures
      .map(({ message }) => message)
      .sort()
      .join('; '),
    { elsewhere: true },
  );
}

function uncertain({ message, cause }: EtcdError): EtcdError {
  return new EtcdError(
    'uncertain',
    `${message}; it is not known whether the change was made: look before you repeat it`,
    {
      cause,
    },
  );
}

function closed(): EtcdError {
  return new EtcdError('closed', 'the client is closed');
}
