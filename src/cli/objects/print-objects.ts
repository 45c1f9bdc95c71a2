import { stringify } from 'yaml';
import type { StoredObject } from '../../datastore/store.js';
import { type Kind, kinds } from '../../resources/kinds.js';
import { apiVersion } from '../../resources/resource-schema.js';
import { columns } from '../columns.js';
import type { Paint } from '../paint.js';
import { printable } from '../printable.js';
import { type Column, kindTables } from './kind-tables.js';
import { inPrintedOrder } from './object-fields.js';
import type { OutputFormat } from './output-format.js';

/** Objects of one kind to be printed: all that there are, or some that were named. */
export interface ObjectGroup {
  readonly kind: Kind;
  readonly items: readonly StoredObject[];
  /** Of the listing; absent for those that were named. */
  readonly resourceVersion?: string;
}

export interface PrintOptions {
  readonly format: OutputFormat;
  /** The table has a column for namespaces. */
  readonly showNamespace: boolean;
  readonly paint: Paint;
}

export function printObjects(groups: readonly ObjectGroup[], { format, showNamespace, paint }: PrintOptions): string {
  switch (format) {
    case 'json':
      return asDocument(groups, (value) => `${JSON.stringify(value, null, 2)}\n`);
    case 'yaml':
      return asDocument(groups, yamlText);
    case 'name':
      return groups.flatMap(({ items }) => items.map((object) => `${nameLine(object)}\n`)).join('');
    default:
      return groups
        .map(({ kind, items }) => table(columnsOf(kind, format === 'wide', showNamespace), items, paint))
        .join('\n');
  }
}

/** `hostendpoint/h1`, as the commands take it. */
export function nameLine({ kind, metadata }: StoredObject): string {
  return printable(`${kind.toLowerCase()}/${metadata.name}`);
}

/** The columns of a kind, of those that a table of this width has. */
export function columnsOf(kind: Kind, isWide: boolean, showNamespace: boolean): Column[] {
  const namespace: Column = { heading: 'NAMESPACE', value: ({ metadata }) => metadata.namespace ?? '' };
  const own = kindTables[kind].filter((column) => isWide || column.wide !== true);
  return showNamespace && kinds[kind].namespaced ? [namespace, ...own] : own;
}

/** Fields sorted by name, as calicoctl does, and strings quoted that YAML 1.1 would take for something else. */
export function yamlText(value: unknown): string {
  return stringify(value, {
    compat: 'yaml-1.1',
    lineWidth: 0,
    indentSeq: false,
    aliasDuplicateObjects: false,
    sortMapEntries: true,
  });
}

function table(shown: readonly Column[], items: readonly StoredObject[], paint: Paint): string {
  const header = shown.map(({ heading }) => paint('bold', heading));
  const rows = items.map((object) => shown.map(({ value }) => printable(value(object))));
  return `${columns([header, ...rows]).join('\n')}\n`;
}

/** One thing as itself, several as a list, nothing as nothing. */
function asDocument(groups: readonly ObjectGroup[], print: (value: unknown) => string): string {
  const values = groups.flatMap(({ kind, items, resourceVersion }): unknown[] => {
    const objects = items.map(inPrintedOrder);
    if (resourceVersion === undefined) return objects;
    return [{ kind: `${kind}List`, apiVersion, metadata: { resourceVersion }, items: objects }];
  });
  if (values.length === 0) return '';
  return print(values.length === 1 ? values[0] : values);
}
