import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { UnreachableError } from './api-error.js';
import type { ClusterAccess } from './cluster-access.js';

/** How long to wait for what, in ms. */
export interface SessionTimes {
  /** For a connection, with its encryption. */
  readonly connectMs: number;
  /** Between two pings, which find a server that has stopped without a word. */
  readonly pingMs: number;
  /** For the answer to a ping. */
  readonly pongMs: number;
}

export interface Connected {
  readonly session: ClientHttp2Session;
  readonly access: ClusterAccess;
}

/** One HTTP/2 connection to the API server, made anew when it has ended. */
export interface Sessions {
  /** The connection that there is, or a new one. Rejects with `UnreachableError` or `AccessError`. */
  open(): Promise<Connected>;
  close(): Promise<void>;
}

export interface SessionListener {
  connected(access: ClusterAccess): void;
  /** It could not be made, or the server does not answer on it any more. That one has ended is not told: another may do. */
  lost(reason: string): void;
}

/** The API server sends a list faster than the default of 64 KB lets it. */
const STREAM_WINDOW = 1 << 20;
const SESSION_WINDOW = 4 << 20;
/** In MB; Node's own limit of 10 refuses requests while many lists come in at once. */
const SESSION_MEMORY = 100;

/** `openAccess` is asked for each connection: certificates and kubeconfigs are replaced while the program runs. */
export function sessions(
  openAccess: () => Promise<ClusterAccess>,
  times: SessionTimes,
  listener: SessionListener,
): Sessions {
  let current: Connected | undefined;
  let opening: Promise<Connected> | undefined;
  const sockets = new Set<Socket>();
  let closed = false;

  async function openNew(): Promise<Connected> {
    try {
      const access = await openAccess();
      if (closed) throw new UnreachableError('the connection was closed');
      const socket = openSocket(access);
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
      const session = await connected(access, socket, times);
      keepAlive(session, socket, times, (reason) => listener.lost(`${access.server}: ${reason}`));
      current = { session, access };
      listener.connected(access);
      return current;
    } catch (error) {
      listener.lost(error instanceof Error ? error.message : String(error));
      throw error;
    }
  }

  return {
    async open() {
      // After a GOAWAY what runs on the old one goes on, but nothing new starts there.
      if (current !== undefined && !current.session.closed && !current.session.destroyed) return current;
      opening ??= openNew().finally(() => {
        opening = undefined;
      });
      return opening;
    },
    async close() {
      closed = true;
      const ends = [...sockets].map((socket) => new Promise((resolve) => socket.once('close', resolve)));
      for (const socket of sockets) socket.destroy();
      await Promise.all(ends);
    },
  };
}

/** Of our own, to be sure that it ends: a session whose other side has ended without a word does not always end its socket. */
function openSocket({ server, tls }: ClusterAccess): Socket {
  const { protocol, hostname, port } = new URL(server);
  const host = hostname.replace(/^\[|\]$/g, '');
  if (protocol !== 'https:') return connectTcp({ host, port: Number(port || 80) });
  // No name is sent for an address, and the certificate is checked against that.
  const servername = tls.servername ?? (isIP(host) ? '' : host);
  return connectTls({ ...tls, host, port: Number(port || 443), servername, ALPNProtocols: ['h2'] });
}

function connected(
  { server }: ClusterAccess,
  socket: Socket,
  { connectMs }: SessionTimes,
): Promise<ClientHttp2Session> {
  return new Promise((resolve, reject) => {
    const session = connectHttp2(server, {
      createConnection: () => socket,
      settings: { initialWindowSize: STREAM_WINDOW, enablePush: false },
      maxSessionMemory: SESSION_MEMORY,
    });
    const fail = (error: unknown): void => {
      clearTimeout(timer);
      session.destroy();
      socket.destroy();
      reject(unreachable(server, error));
    };
    const timer = setTimeout(() => fail(new Error(`no connection within ${connectMs / 1000} s`)), connectMs);
    session.once('error', fail);
    session.once('close', () => fail(new Error('the connection was closed at once')));
    // With the settings it is certain that the other side speaks HTTP/2.
    session.once('remoteSettings', () => {
      clearTimeout(timer);
      session.off('error', fail);
      // Its streams tell of its errors.
      session.on('error', () => undefined);
      session.setLocalWindowSize(SESSION_WINDOW);
      resolve(session);
    });
  });
}

function keepAlive(
  session: ClientHttp2Session,
  socket: Socket,
  times: SessionTimes,
  lost: (reason: string) => void,
): void {
  let pong: NodeJS.Timeout | undefined;
  const dead = (): void => {
    const reason = `no answer to a ping within ${times.pongMs / 1000} s`;
    lost(reason);
    session.destroy(new UnreachableError(reason));
    socket.destroy();
  };
  const ping = setInterval(() => {
    if (session.destroyed) socket.destroy();
    else if (pong === undefined) {
      pong = setTimeout(dead, times.pongMs);
      session.ping(() => {
        clearTimeout(pong);
        pong = undefined;
      });
    }
  }, times.pingMs);
  socket.once('close', () => {
    clearInterval(ping);
    clearTimeout(pong);
  });
}

function unreachable(server: string, error: unknown): UnreachableError {
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const hint = code.startsWith('ERR_HTTP2') ? ' (does it speak HTTP/2?)' : hintFor(code);
  return new UnreachableError(`the API server ${server} can't be reached: ${message}${hint}`, error);
}

function hintFor(code: string): string {
  switch (code) {
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
      return ' (is certificate-authority of the kubeconfig that of this cluster?)';
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return ' (set tls-server-name in the kubeconfig to a name that is in the certificate)';
    default:
      return '';
  }
}
