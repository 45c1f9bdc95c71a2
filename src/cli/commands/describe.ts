import { errorText } from '../../client/error-text.js';
import { examineObject } from '../../client/examine-object.js';
import type { StoreError } from '../../datastore/store.js';
import type { Io } from '../io.js';
import { describeObject } from '../objects/describe-object.js';
import { gatherObjects } from '../objects/gather-objects.js';
import type { NamedOptions } from '../objects/named-objects.js';
import { inPrintedOrder } from '../objects/object-fields.js';
import type { SourceSettings } from '../open-source.js';
import { withClient } from '../open-store.js';
import { orReported } from '../or-reported.js';
import { createPaint } from '../paint.js';
import { printable } from '../printable.js';

export interface DescribeOptions extends NamedOptions {
  readonly json: boolean;
}

/** `margay describe`: what objects say, in words, and what is wrong with them. 0 found, 1 something is not there. */
export async function describe(
  settings: SourceSettings,
  words: readonly string[],
  options: DescribeOptions,
  io: Io,
): Promise<number> {
  return orReported(io, () =>
    withClient(settings, io, { writes: false }, async (client) => {
      const missing: StoreError[] = [];
      const groups = await gatherObjects(client, words, options, io, missing);
      if (groups === undefined) return 1;
      const objects = groups.flatMap(({ items }) => items);
      if (options.json) {
        const described = objects.map((object) => ({ object: inPrintedOrder(object), ...examineObject(object) }));
        io.stdout.write(`${JSON.stringify(described, null, 2)}\n`);
      } else io.stdout.write(objects.map((object) => describeObject(object, createPaint(io))).join('\n\n'));
      for (const error of missing) io.stderr.write(`margay: ${printable(errorText(error))}\n`);
      return missing.length > 0 ? 1 : 0;
    }),
  );
}
