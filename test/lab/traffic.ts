/**
 * The process that serves and probes in one namespace: JSON lines on standard input, one answer a line on standard output.
 * It ends with its standard input. The lab runs this file on its own, so it may import nothing of the project.
 */
import { createSocket, type Socket as Datagrams } from 'node:dgram';
import { existsSync, writeFileSync } from 'node:fs';
import { connect, createServer, isIPv6, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';

export type Outcome = 'allow' | 'deny' | 'reject';
export type Transport = 'tcp' | 'udp';

/** Where a probe goes, and how long it waits for an answer. */
export interface Target {
  readonly protocol: Transport;
  readonly address: string;
  readonly port: number;
  readonly waitMs: number;
}

/** What can be asked, and what is answered. */
export interface Operations {
  sysctl(request: { readonly set: Readonly<Record<string, string>> }): null;
  serve(request: { readonly tcp: readonly number[]; readonly udp: readonly number[] }): Promise<null>;
  probe(request: Target): Promise<Outcome>;
  open(request: Target & { readonly flow: string }): Promise<boolean>;
  talk(request: { readonly flow: string; readonly waitMs: number }): Promise<boolean>;
  close(request: { readonly flow: string }): null;
  watch(request: Target & { readonly watch: string; readonly everyMs: number }): null;
  unwatch(request: { readonly watch: string }): Promise<Watched>;
}

export interface Watched {
  readonly sent: number;
  readonly answered: number;
}

const ASK = 'ask\n';
const REFUSED = new Set(['ECONNREFUSED', 'ECONNRESET', 'EHOSTUNREACH', 'ENETUNREACH', 'EACCES', 'EHOSTDOWN']);

const serving = new Set<string>();
const flows = new Map<string, Socket>();
const watches = new Map<string, () => Promise<Watched>>();

const operations: Operations = {
  sysctl({ set }) {
    // A kernel without IPv6, or without the bridge module, has not all of them.
    for (const [path, value] of Object.entries(set)) {
      if (existsSync(`/proc/sys/${path}`)) writeFileSync(`/proc/sys/${path}`, value);
    }
    return null;
  },
  async serve({ tcp, udp }) {
    for (const port of tcp)
      for (const address of ['0.0.0.0', '::']) await serveOnce(`tcp ${address} ${port}`, serveTcp);
    // The answer must come from the address that was asked, so UDP needs a socket for each address.
    for (const port of udp) for (const address of ownAddresses()) await serveOnce(`udp ${address} ${port}`, serveUdp);
    return null;
  },
  async probe(target) {
    const first = await attempt(target);
    return first === 'deny' ? attempt(target) : first;
  },
  async open({ flow, ...target }) {
    const socket = connect({ host: target.address, port: target.port });
    socket.on('error', () => socket.destroy());
    flows.set(flow, socket);
    return exchange(socket, target.waitMs);
  },
  talk({ flow, waitMs }) {
    const socket = flows.get(flow);
    return socket === undefined ? Promise.resolve(false) : exchange(socket, waitMs);
  },
  close({ flow }) {
    flows.get(flow)?.destroy();
    flows.delete(flow);
    return null;
  },
  watch({ watch, everyMs, ...target }) {
    let sent = 0;
    const answers: Promise<Outcome>[] = [];
    // Each probe is a flow of its own: only the first packet of a flow meets the policy.
    const timer = setInterval(() => {
      sent++;
      answers.push(attempt(target));
    }, everyMs);
    watches.set(watch, async () => {
      clearInterval(timer);
      const outcomes = await Promise.all(answers);
      return { sent, answered: outcomes.filter((outcome) => outcome === 'allow').length };
    });
    return null;
  },
  async unwatch({ watch }) {
    const end = watches.get(watch);
    watches.delete(watch);
    return end === undefined ? { sent: 0, answered: 0 } : end();
  },
};

function ownAddresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((entries) => entries ?? []);
  return all.filter(({ address }) => !address.startsWith('fe80:')).map(({ address }) => address);
}

async function serveOnce(key: string, serve: (address: string, port: number) => Promise<void>): Promise<void> {
  if (serving.has(key)) return;
  const [, address = '', port = ''] = key.split(' ');
  await serve(address, Number(port));
  serving.add(key);
}

function serveTcp(address: string, port: number): Promise<void> {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.pipe(socket);
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: address, port, ipv6Only: address === '::' }, resolve);
  });
}

function serveUdp(address: string, port: number): Promise<void> {
  const socket = createSocket({ type: isIPv6(address) ? 'udp6' : 'udp4', ipv6Only: isIPv6(address) });
  // EPERM: the answer was dropped in the output hook.
  socket.on('message', (data, peer) => socket.send(data, peer.port, peer.address, () => undefined));
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(port, address, () => {
      socket.off('error', reject);
      socket.on('error', () => undefined);
      resolve();
    });
  });
}

function attempt(target: Target): Promise<Outcome> {
  return target.protocol === 'tcp' ? attemptTcp(target) : attemptUdp(target);
}

function attemptTcp({ address, port, waitMs }: Target): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: address, port });
    const end = (outcome: Outcome) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(outcome);
    };
    const timer = setTimeout(end, waitMs, 'deny');
    socket.once('connect', () => socket.write(ASK));
    socket.once('data', () => end('allow'));
    socket.on('error', (error) => settleError(error, end, reject));
  });
}

function attemptUdp({ address, port, waitMs }: Target): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const socket: Datagrams = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
    let ended = false;
    const end = (outcome: Outcome) => {
      if (ended) return;
      ended = true;
      clearTimeout(timer);
      socket.close();
      resolve(outcome);
    };
    const timer = setTimeout(end, waitMs, 'deny');
    socket.once('message', () => end('allow'));
    socket.on('error', (error) => settleError(error, end, reject));
    // Only a connected socket is told of ICMP errors.
    socket.connect(port, address, (error?: Error) => {
      if (error) settleError(error, end, reject);
      else if (!ended) socket.send(ASK);
    });
  });
}

/** EPERM is silent for the other side: a packet dropped in our own output hook. It is no answer, so the time-out decides. */
function settleError(error: NodeJS.ErrnoException, end: (outcome: Outcome) => void, reject: (e: Error) => void): void {
  if (error.code === 'EPERM') return;
  if (REFUSED.has(error.code ?? '')) end('reject');
  else reject(error);
}

/** One question and its answer over a connection that stays open. */
async function exchange(socket: Socket, waitMs: number): Promise<boolean> {
  if (socket.destroyed) return false;
  const answered = new Promise<boolean>((resolve) => {
    socket.once('data', () => resolve(true));
    socket.once('close', () => resolve(false));
  });
  socket.write(ASK);
  return Promise.race([answered, pause(waitMs, false)]);
}

interface Request {
  readonly id: number;
  readonly op: keyof Operations;
}

async function answer(line: string): Promise<void> {
  const request = JSON.parse(line) as Request;
  let reply: object;
  try {
    const operation = operations[request.op] as (request: unknown) => unknown;
    reply = { result: await operation(request) };
  } catch (error) {
    reply = { error: error instanceof Error ? error.message : String(error) };
  }
  process.stdout.write(`${JSON.stringify({ id: request.id, ...reply })}\n`);
}

createInterface({ input: process.stdin })
  .on('line', (line) => void answer(line))
  .on('close', () => process.exit());
