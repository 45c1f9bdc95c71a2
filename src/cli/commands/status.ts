import type { Status } from '../../observe/status.js';
import {
  DaemonError,
  NoDaemonError,
  NotInForceError,
  type QueryOptions,
  queryStatus,
} from '../../observe/status-client.js';
import type { Io } from '../io.js';
import { createPaint } from '../paint.js';
import { printable } from '../printable.js';
import type { Settings } from '../settings/settings-table.js';
import { statusText } from '../status-text.js';

export interface StatusOptions {
  /** Seconds; true is 30. */
  readonly wait?: number | true;
  readonly json: boolean;
}

const defaultWaitSeconds = 30;

/** `margay status`: 0 ready, 1 not ready or not in force in time, 3 no daemon. */
export async function status(settings: Pick<Settings, 'runDir'>, options: StatusOptions, io: Io): Promise<number> {
  const query: QueryOptions =
    options.wait === undefined ? {} : { waitSeconds: options.wait === true ? defaultWaitSeconds : options.wait };
  try {
    const answer = await queryStatus(settings.runDir, query);
    print(answer, options, io);
    return answer.ready ? 0 : 1;
  } catch (error) {
    if (error instanceof NotInForceError) print(error.status, options, io);
    else if (!(error instanceof NoDaemonError || error instanceof DaemonError)) throw error;
    io.stderr.write(`margay: ${printable(error.message)}\n`);
    return error instanceof NoDaemonError ? 3 : 1;
  }
}

function print(answer: Status, options: StatusOptions, io: Io): void {
  io.stdout.write(options.json ? `${JSON.stringify(answer, null, 2)}\n` : statusText(answer, createPaint(io)));
}
