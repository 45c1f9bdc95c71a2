import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** A port of its own that leads to another one on the loopback interface, until it does not. */
export interface TcpProxy {
  readonly port: number;
  /** Breaks what is connected, and refuses what comes. */
  cut(): Promise<void>;
  restore(): Promise<void>;
  /** From now on, what the server answers gets lost. */
  mute(): void;
  close(): Promise<void>;
}

export async function startProxy(target: number): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  let server: Server | undefined;
  let port = 0;
  let isMuted = false;

  const accept = (client: Socket): void => {
    const upstream = connect(target, '127.0.0.1');
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('close', () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
      // Whatever breaks one end is what the other end sees.
      socket.on('error', () => socket.destroy());
    }
    client.on('data', (data) => void upstream.write(data));
    upstream.on('data', (data) => {
      if (!isMuted) client.write(data);
    });
  };
  const listen = async (): Promise<void> => {
    const next = createServer(accept).listen(port, '127.0.0.1');
    await once(next, 'listening');
    const address = next.address();
    if (typeof address === 'object' && address !== null) port = address.port;
    server = next;
  };
  const cut = async (): Promise<void> => {
    const closing = server;
    server = undefined;
    if (closing === undefined) return;
    const closed = once(closing, 'close');
    closing.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  };

  await listen();
  return {
    get port() {
      return port;
    },
    cut,
    async restore() {
      isMuted = false;
      await listen();
    },
    mute() {
      isMuted = true;
    },
    close: cut,
  };
}
