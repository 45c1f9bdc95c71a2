import type { Client } from '../../client/client.js';
import type { WatchEvent } from '../../datastore/store.js';
import type { Io } from '../io.js';
import { createPaint, type Paint } from '../paint.js';
import { printable } from '../printable.js';
import { inPrintedOrder } from './object-fields.js';
import type { Target } from './object-targets.js';
import type { OutputFormat } from './output-format.js';
import { columnsOf, nameLine, yamlText } from './print-objects.js';

export interface WatchedAs {
  readonly format: OutputFormat;
  readonly showNamespace: boolean;
}

/** Prints what is there, and then each change as it comes, until nobody reads any more. */
export async function watchObjects(
  client: Client,
  { definition: { kind }, namespace, names }: Target,
  { format, showNamespace }: WatchedAs,
  io: Io,
): Promise<void> {
  const signal = io.signal ?? new AbortController().signal;
  const print = printer(kind, format, showNamespace, createPaint(io));
  io.stdout.write(print.begin);
  for await (const event of client.follow(kind, { ...(namespace === undefined ? {} : { namespace }), signal })) {
    if (names.length === 0 || names.includes(event.object.metadata.name)) io.stdout.write(print.event(event));
  }
}

interface EventPrinter {
  readonly begin: string;
  event(event: WatchEvent): string;
}

function printer(
  kind: Target['definition']['kind'],
  format: OutputFormat,
  showNamespace: boolean,
  paint: Paint,
): EventPrinter {
  switch (format) {
    case 'json':
      return {
        begin: '',
        event: ({ type, object }) => `${JSON.stringify({ type, object: inPrintedOrder(object) })}\n`,
      };
    case 'yaml':
      return { begin: '', event: ({ type, object }) => `--- # ${type}\n${yamlText(inPrintedOrder(object))}` };
    case 'name':
      return {
        begin: '',
        event: ({ type, object }) => `${nameLine(object)}${type === 'deleted' ? ' deleted' : ''}\n`,
      };
    default:
      return rowPrinter(kind, format === 'wide', showNamespace, paint);
  }
}

/** What comes is not known yet: columns are as wide as most values, and grow. */
const usualWidth = 12;

function rowPrinter(
  kind: Target['definition']['kind'],
  isWide: boolean,
  showNamespace: boolean,
  paint: Paint,
): EventPrinter {
  const shown = columnsOf(kind, isWide, showNamespace);
  const widths = ['deleted', ...shown.map(({ heading }) => heading)].map((text) => Math.max(text.length, usualWidth));
  const row = (cells: readonly string[]): string => {
    cells.forEach((cell, index) => {
      widths[index] = Math.max(widths[index] ?? 0, cell.length);
    });
    return `${cells
      .map((cell, index) => cell.padEnd(widths[index] ?? 0))
      .join('  ')
      .trimEnd()}\n`;
  };
  return {
    begin: paint('bold', row(['EVENT', ...shown.map(({ heading }) => heading)])),
    event: ({ type, object }) => row([type, ...shown.map(({ value }) => printable(value(object)))]),
  };
}
