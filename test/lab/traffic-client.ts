import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import type { Operations } from './traffic.js';

/** Asks the traffic process of one namespace. */
export interface TrafficClient {
  ask<Op extends keyof Operations>(
    op: Op,
    request: Parameters<Operations[Op]>[0],
  ): Promise<Awaited<ReturnType<Operations[Op]>>>;
  /** Ends the process at once; what is still asked fails. */
  end(): void;
}

interface Waiting {
  readonly resolve: (value: never) => void;
  readonly reject: (error: Error) => void;
}

/** Starts the traffic process with a command line (that enters the namespace) and speaks its protocol. */
export function startTraffic(host: string, [command = '', ...args]: readonly string[]): TrafficClient {
  // No time-out here: whoever asks knows how long an answer may take, and the process ends with the lab.
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const waiting = new Map<number, Waiting>();
  let count = 0;
  let ended: Error | undefined;

  const fail = (error: Error) => {
    ended ??= error;
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  };
  child.on('error', (error) => fail(new Error(`${host}: the traffic process could not be started: ${error.message}`)));
  child.on('exit', (status, signal) => fail(new Error(`${host}: the traffic process ended (${signal ?? status})`)));
  // A write to a process that has just ended; its exit is told by the event above.
  child.stdin.on('error', () => undefined);
  readReplies(child, waiting);

  return {
    ask: (op, request) =>
      new Promise((resolve, reject) => {
        if (ended !== undefined) return reject(ended);
        const id = ++count;
        waiting.set(id, { resolve, reject });
        child.stdin.write(`${JSON.stringify({ ...request, id, op })}\n`);
      }),
    end: () => {
      ended ??= new Error(`${host}: the lab is closed`);
      child.kill('SIGKILL');
    },
  };
}

function readReplies(child: ChildProcessByStdio<Writable, Readable, null>, waiting: Map<number, Waiting>): void {
  createInterface({ input: child.stdout }).on('line', (line) => {
    const reply = JSON.parse(line) as { id: number; result: never; error?: string };
    const asked = waiting.get(reply.id);
    waiting.delete(reply.id);
    if (reply.error === undefined) asked?.resolve(reply.result);
    else asked?.reject(new Error(reply.error));
  });
}
