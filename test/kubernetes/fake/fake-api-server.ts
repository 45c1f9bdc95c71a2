import { once } from 'node:events';
import {
  createSecureServer,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { Socket } from 'node:net';
import { mapIn, type Native } from '../../../src/datastore/kubernetes/conversion/native.js';
import { isMap } from '../../../src/resources/normalise.js';
import type { Certificates } from '../certificates.js';
import { type ApiResource, builtIn, definedResource, parseTarget, type Target } from './api-resources.js';
import { type ObjectStore, objectStore } from './object-store.js';
import { type OpenWatch, serveWatch } from './serve-watch.js';
import { FakeStatus, notFound, statusBody, tooOld } from './status.js';
import { createObject, deleteObject, storeKey, updateObject } from './write-object.js';

export interface FakeRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly user: string | undefined;
}

/** What to do with a request instead of answering it. */
export type Fault =
  | { readonly status: number; readonly retryAfter?: number }
  /** No answer at all. */
  | 'silence';

/** An API server of Kubernetes, as far as Margay uses one. */
export interface FakeApiServer {
  readonly port: number;
  readonly store: ObjectStore;
  /** All requests that have come. */
  readonly requests: readonly FakeRequest[];
  /** Resolves when the condition holds, which is looked at with each request. */
  until(condition: () => boolean): Promise<void>;
  /** By token. */
  readonly users: Map<string, string>;
  /** Who may do what; everybody everything by default. */
  allowed: (request: FakeRequest, target: Target) => boolean;
  /** Asked before each answer. */
  fault: ((request: FakeRequest) => Fault | undefined) | undefined;
  /** Whether it knows its custom resources yet, or is still reading which there are. */
  started: boolean;
  goneInStatus: boolean;
  bookmarkMs: number;
  addResource(resource: ApiResource): void;
  removeResource(resource: Pick<ApiResource, 'group' | 'version' | 'plural'>): void;
  /** Ends all watches with the error. */
  breakWatches(status: { readonly code: number; readonly reason: string; readonly message: string }): void;
  /** Asks the clients that watch something to go elsewhere, as a server that ends does. */
  goAway(): void;
  /** Ends without a word and starts again: nothing of what happened before can be watched any more. */
  restart(whileDown?: () => Promise<void>): Promise<void>;
  close(): Promise<void>;
}

/** What has come so far is still answered. */
const EVERY_STREAM = 2 ** 31 - 1;

interface Snapshot {
  readonly objects: readonly Native[];
  readonly revision: number;
}

export async function fakeApiServer(certificates: Certificates): Promise<FakeApiServer> {
  const store = objectStore();
  const resources = new Map<string, ApiResource>();
  const snapshots = new Map<string, Snapshot>();
  const requests: FakeRequest[] = [];
  const looking = new Set<() => void>();
  const watches = new Map<ServerHttp2Stream, OpenWatch>();
  const sessions = new Set<ServerHttp2Session>();
  const sockets = new Set<Socket>();
  const { cert, key } = certificates.server;
  const server = createSecureServer({ cert, key, ca: certificates.ca, requestCert: true, rejectUnauthorized: false });
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(socket));
  });
  server.on('tlsClientError', () => undefined);
  server.on('session', (session) => {
    sessions.add(session);
    session.on('error', () => undefined);
    session.once('close', () => sessions.delete(session));
  });
  server.on('stream', (stream, headers) => {
    stream.on('error', () => undefined);
    void answer(stream, headers);
  });
  const listen = async (port: number): Promise<number> => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    return address === null || typeof address === 'string' ? port : address.port;
  };

  async function answer(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Promise<void> {
    const body = await bodyOf(stream);
    const url = new URL(String(headers[':path']), 'https://fake');
    const method = String(headers[':method']);
    const request = { method, path: url.pathname, query: url.searchParams, user: userOf(stream, headers) };
    requests.push(request);
    for (const look of looking) look();
    try {
      await handle(stream, request, body);
    } catch (error) {
      const status = error instanceof FakeStatus ? error : new FakeStatus(500, 'InternalError', String(error));
      reply(stream, status.code, statusBody(status), status.retryAfter);
    }
  }

  function userOf(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): string | undefined {
    const token = /^Bearer (.+)$/.exec(String(headers.authorization))?.[1];
    if (token !== undefined) return fake.users.get(token);
    const socket = stream.session?.socket;
    // The proxy that HTTP/2 gives for its socket has it, but does not say so.
    const certified = socket !== undefined && Reflect.get(socket, 'authorized') === true;
    return certified ? 'certified' : undefined;
  }

  async function handle(stream: ServerHttp2Stream, request: FakeRequest, body: Native): Promise<void> {
    const fault = fake.fault?.(request);
    if (fault === 'silence') return;
    if (fault !== undefined)
      throw new FakeStatus(fault.status, 'Injected', `fault ${fault.status}`, {}, fault.retryAfter);
    if (request.user === undefined) throw new FakeStatus(401, 'Unauthorized', 'Unauthorized');
    if (request.path === '/readyz') {
      stream.respond({ ':status': fake.started ? 200 : 500, 'content-type': 'text/plain' });
      stream.end(
        fake.started ? 'ok' : '[-]poststarthook/crd-informer-synced failed: reason withheld\nreadyz check failed',
      );
      return;
    }
    if (request.path === '/apis') {
      const names = new Set([...resources.values()].map(({ group }) => group).filter((group) => group !== ''));
      reply(stream, 200, { kind: 'APIGroupList', groups: [...names].map((name) => ({ name })) });
      return;
    }
    const target = parseTarget(request.path);
    const resource = target && resources.get(`${target.group}/${target.version}/${target.plural}`);
    if (target !== undefined && !fake.allowed(request, target)) throw forbidden(request, target);
    if (target === undefined || resource === undefined || (resource.schema !== undefined && !fake.started))
      throw new FakeStatus(404, 'NotFound', 'the server could not find the requested resource');
    if (request.query.get('watch') === 'true') watch(stream, request, target, resource);
    else reply(stream, 200, respond(request, target, resource, body));
  }

  function respond(request: FakeRequest, target: Target, resource: ApiResource, body: Native): Native {
    const write = { store, resource, target, body };
    switch (request.method) {
      case 'POST':
        return created(createObject(write), resource);
      case 'PUT':
        return updateObject(write);
      case 'DELETE':
        return deleted(deleteObject(write), resource);
      default:
        return target.name === undefined ? list(request, target, resource) : get(target, resource);
    }
  }

  function created(object: Native, { kind }: ApiResource): Native {
    if (kind === 'CustomResourceDefinition') fake.addResource(definedResource(object));
    return object;
  }

  function deleted(object: Native, { kind }: ApiResource): Native {
    if (kind === 'CustomResourceDefinition') fake.removeResource(definedResource(object));
    return object;
  }

  function get({ namespace, name = '' }: Target, resource: ApiResource): Native {
    const object = store.get(storeKey(resource), `${namespace ?? ''}/${name}`);
    if (object === undefined) throw notFound(resource.plural, name);
    return object;
  }

  function list({ query }: FakeRequest, { namespace }: Target, resource: ApiResource): Native {
    const more = query.get('continue');
    const limit = Number(query.get('limit') ?? 0) || Number.POSITIVE_INFINITY;
    const [token = '', start = '0'] = more === null ? [] : more.split('.');
    const snapshot = more === null ? snapshotOf(resource, namespace) : snapshots.get(token);
    if (snapshot === undefined)
      throw tooOld('The provided continue parameter is too old to display a consistent list result.');
    const { objects, revision } = snapshot;
    const end = Number(start) + limit;
    const items = objects
      .slice(Number(start), end)
      .map(resource.schema === undefined ? withoutType : (object) => object);
    const metadata = { resourceVersion: String(revision) };
    if (end >= objects.length) return { kind: `${resource.kind}List`, metadata, items };
    const id = more === null ? String(snapshots.size + 1) : token;
    snapshots.set(id, snapshot);
    const rest = { continue: `${id}.${end}`, remainingItemCount: objects.length - end };
    return { kind: `${resource.kind}List`, metadata: { ...metadata, ...rest }, items };
  }

  function snapshotOf(resource: ApiResource, namespace: string | undefined): Snapshot {
    const all = store.list(storeKey(resource));
    const objects =
      namespace === undefined ? all : all.filter((object) => mapIn(object, 'metadata').namespace === namespace);
    return { objects, revision: store.revision };
  }

  function watch(stream: ServerHttp2Stream, { query }: FakeRequest, target: Target, resource: ApiResource): void {
    serveWatch(stream, {
      store,
      resource,
      namespace: target.namespace,
      from: query.get('resourceVersion') ?? '',
      bookmarks: query.get('allowWatchBookmarks') === 'true',
      timeoutMs: Number(query.get('timeoutSeconds') ?? 1800) * 1000,
      bookmarkMs: fake.bookmarkMs,
      goneInStatus: fake.goneInStatus,
      watches,
    });
  }

  const fake: FakeApiServer = {
    port: await listen(0),
    store,
    requests,
    until: (condition) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (!condition()) return;
          looking.delete(look);
          resolve();
        };
        looking.add(look);
        look();
      }),
    users: new Map(),
    allowed: () => true,
    fault: undefined,
    started: true,
    goneInStatus: false,
    bookmarkMs: 60_000,
    addResource(resource) {
      resources.set(`${resource.group}/${resource.version}/${resource.plural}`, resource);
    },
    removeResource({ group, version, plural }) {
      resources.delete(`${group}/${version}/${plural}`);
      for (const object of store.list(`${group}/${plural}`)) {
        const metadata = mapIn(object, 'metadata');
        store.delete(`${group}/${plural}`, `${metadata.namespace ?? ''}/${metadata.name}`);
      }
      for (const { resource, end } of watches.values())
        if (storeKey(resource) === `${group}/${plural}` && resource.version === version) end();
    },
    breakWatches({ code, reason, message }) {
      for (const watch of watches.values()) watch.end(new FakeStatus(code, reason, message));
    },
    goAway() {
      const watching = new Set([...watches.keys()].map(({ session }) => session));
      for (const session of watching) session?.goaway(0, EVERY_STREAM);
    },
    async restart(whileDown = async () => undefined) {
      const closed = once(server, 'close');
      server.close();
      for (const session of sessions) session.destroy();
      for (const socket of sockets) socket.resetAndDestroy();
      await closed;
      await whileDown();
      store.compact();
      snapshots.clear();
      await listen(fake.port);
    },
    async close() {
      const closed = once(server, 'close');
      server.close();
      for (const session of sessions) session.destroy();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
  for (const resource of builtIn) fake.addResource(resource);
  return fake;
}

async function bodyOf(stream: ServerHttp2Stream): Promise<Native> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of stream) chunks.push(chunk);
  } catch {
    return {}; // A request that was called off needs no answer.
  }
  const text = Buffer.concat(chunks).toString('utf8');
  const body: unknown = text === '' ? {} : JSON.parse(text);
  return isMap(body) ? body : {};
}

function reply(stream: ServerHttp2Stream, status: number, body: unknown, retryAfter?: number): void {
  if (stream.destroyed || stream.headersSent) return;
  const after = retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) };
  stream.respond({ ':status': status, 'content-type': 'application/json', ...after });
  stream.end(JSON.stringify(body));
}

/** Items of lists lack it, except those of custom resources. */
function withoutType({ apiVersion: _, kind: __, ...object }: Native): Native {
  return object;
}

function forbidden({ user, method, path }: FakeRequest, { plural, group }: Target): FakeStatus {
  const message = `${plural} is forbidden: User "${user}" cannot ${method.toLowerCase()} resource "${plural}" in API group "${group}" (${path})`;
  return new FakeStatus(403, 'Forbidden', message);
}
