import type { DestinationStream } from 'pino';
import { prettyFactory } from 'pino-pretty';

/**
 * Lines for people. Loaded only where they are wanted, since it costs 9 MB. It drops control characters from what is logged,
 * which may come from outside.
 */
export function prettyDestination(destination: DestinationStream, colorize: boolean): DestinationStream {
  const pretty = prettyFactory({ colorize, translateTime: 'SYS:HH:MM:ss.l', singleLine: true });
  return { write: (line) => void destination.write(pretty(line)) };
}
