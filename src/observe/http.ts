import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Log } from './log.js';
import type { Exposition } from './metrics.js';

export interface Health {
  readonly ok: boolean;
  /** Why not, or what is worth knowing although it is. */
  readonly reasons: readonly string[];
}

export interface HealthProvider {
  /** False only if a restart would help. */
  live(): Health;
  ready(): Health;
}

export interface ListenAddress {
  /** Without brackets. */
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
}

export interface Reply {
  readonly status: number;
  readonly contentType?: string;
  readonly body: string;
}

/** By path. */
export type Routes = ReadonlyMap<string, () => Reply | Promise<Reply>>;

export interface HttpServer {
  /** Undefined while it does not listen. */
  readonly port: number | undefined;
  close(): Promise<void>;
}

export interface HttpOptions {
  readonly address: ListenAddress;
  readonly routes: Routes;
  readonly log: Pick<Log, 'info' | 'warn'>;
  readonly retryMs?: number;
}

/** `/liveness` and `/readiness` as Felix has them: 200 or 503, and the body says why. */
export function healthRoutes(provider: HealthProvider): Routes {
  return new Map([
    ['/liveness', () => healthReply(provider.live(), 'live')],
    ['/readiness', () => healthReply(provider.ready(), 'ready')],
  ]);
}

/** `/metrics` for Prometheus. */
export function metricsRoutes(exposition: Exposition): Routes {
  const reply = async () => ({ status: 200, contentType: exposition.contentType, body: await exposition.text() });
  return new Map([['/metrics', reply]]);
}

/**
 * Serves GET and HEAD of fixed paths. An address that can't be listened on (in use, not there yet) is told once in the log
 * and tried again: a firewall goes on without its metrics. Does not keep the process alive.
 */
export function serveHttp({ address, routes, log, retryMs = 5000 }: HttpOptions): HttpServer {
  const server = createServer((request, response) => void respond(request, response, routes, log));
  const stop = listenUntilItWorks(server, address, log, retryMs);
  // A scraper needs one; what nobody should do is to exhaust the daemon's descriptors.
  server.maxConnections = 64;
  server.headersTimeout = 5000;
  server.requestTimeout = 5000;
  server.on('connection', (socket) => socket.unref());
  server.unref();
  return {
    get port() {
      const bound = server.address();
      return typeof bound === 'object' ? bound?.port : undefined;
    },
    close: () => {
      stop();
      return closed(server);
    },
  };
}

/** Returns how to stop it. */
function listenUntilItWorks(
  server: Server,
  { host, port }: ListenAddress,
  log: HttpOptions['log'],
  retryMs: number,
): () => void {
  let timer: NodeJS.Timeout | undefined;
  let told = false;
  const listen = () => server.listen(port, host);
  server.on('listening', () => {
    if (told) log.info({ host, port }, 'health or metrics are served after all');
  });
  server.on('error', (err) => {
    if (!told) log.warn({ err, host, port }, 'health or metrics are not served: can not listen, trying again');
    told = true;
    timer = setTimeout(listen, retryMs).unref();
  });
  listen();
  return () => clearTimeout(timer);
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  routes: Routes,
  log: HttpOptions['log'],
): Promise<void> {
  const path = (request.url ?? '/').split('?', 1)[0] ?? '/';
  let reply: Reply;
  try {
    reply = await replyTo(request.method ?? '', path, routes);
  } catch (err) {
    log.warn({ err, path }, 'a request could not be answered');
    reply = { status: 500, body: 'internal error, see the log\n' };
  }
  response.writeHead(reply.status, {
    'content-type': reply.contentType ?? 'text/plain; charset=utf-8',
    'content-length': Buffer.byteLength(reply.body),
    'cache-control': 'no-store',
  });
  response.end(request.method === 'HEAD' ? undefined : reply.body);
}

function replyTo(method: string, path: string, routes: Routes): Reply | Promise<Reply> {
  const route = routes.get(path);
  if (route === undefined) return { status: 404, body: `not found; there is ${[...routes.keys()].join(', ')}\n` };
  if (method !== 'GET' && method !== 'HEAD') return { status: 405, body: 'only GET\n' };
  return route();
}

function healthReply(health: Health, word: string): Reply {
  const body = [health.ok ? word : `not ${word}`, ...health.reasons].join('\n');
  return { status: health.ok ? 200 : 503, body: `${body}\n` };
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    // Its error says that the server did not listen, which is what is wanted.
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
