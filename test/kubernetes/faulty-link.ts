import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** A way to a server on loopback that can fail. */
export interface FaultyLink {
  readonly port: number;
  /** Ends all connections and refuses new ones. */
  cut(): void;
  /** Nothing gets through, and nobody is told: as if the server were stopped by a signal. */
  freeze(): void;
  /** It works again; what a freeze held up gets through. */
  mend(): void;
  /** How many connections have been made. */
  readonly connections: number;
  close(): Promise<void>;
}

export async function faultyLink(target: () => number): Promise<FaultyLink> {
  const open = new Set<Socket>();
  let state: 'fine' | 'cut' | 'frozen' = 'fine';
  let connections = 0;

  const server = createServer({ pauseOnConnect: true }, (socket) => {
    if (state === 'cut') {
      socket.resetAndDestroy();
      return;
    }
    connections += 1;
    const far = connect(target(), '127.0.0.1');
    for (const [end, other] of [
      [socket, far],
      [far, socket],
    ] as const) {
      open.add(end);
      end.on('data', (data) => other.write(data));
      end.on('end', () => other.end());
      end.on('error', () => other.destroy());
      end.on('close', () => {
        open.delete(end);
        other.destroy();
      });
      if (state === 'frozen') end.pause();
    }
    if (state === 'fine') socket.resume();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');

  return {
    port: address.port,
    cut() {
      state = 'cut';
      for (const socket of open) socket.resetAndDestroy();
    },
    freeze() {
      state = 'frozen';
      for (const socket of open) socket.pause();
    },
    mend() {
      state = 'fine';
      for (const socket of open) socket.resume();
    },
    get connections() {
      return connections;
    },
    async close() {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
