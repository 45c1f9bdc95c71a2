import type { Parsed } from '../../resources/resource.js';
import type { SourceEvent } from '../source.js';
import type { FollowedKind } from './followed-kinds.js';
import { kindTable } from './kind-table.js';
import { PAGE } from './list-pages.js';
import { type Reflector, type ReflectorListener, type ReflectorOptions, reflector, type Trouble } from './reflector.js';
import { tableIssue } from './table-entry.js';

/** One kind of a source. It can be stopped and started again; what it has told stays told, and only differences follow. */
export interface KindFollower {
  start(): void;
  stop(): Promise<void>;
  catchUp(): Promise<void>;
  /** All that the server had has been told since the start. */
  readonly isListed: boolean;
  /** Why it can't be followed at the moment. */
  readonly failure: string | undefined;
  /** The objects as they were last told. */
  values(): Iterable<Parsed>;
}

export interface FollowerListener {
  events(events: readonly SourceEvent[]): void;
  /** `isListed`, `failure` or `values` are not what they were. */
  changed(): void;
  warn(message: string): void;
}

export function kindFollower(
  kind: FollowedKind,
  options: Pick<ReflectorOptions, 'client' | 'reconnected' | 'times'> & {
    readonly checkSelector: (text: string) => string | undefined;
  },
  listener: FollowerListener,
): KindFollower {
  const table = kindTable(options.checkSelector);
  const collected: SourceEvent[] = [];
  let current: Reflector | undefined;
  let isListed = false;
  let failure: string | undefined;
  /** Of which the listener knows that it can't be read. */
  let unreadable: string | undefined;

  /** A list comes in small parts, which are told together. */
  function collect(events: readonly SourceEvent[]): void {
    for (const event of events) collected.push(event);
    if (collected.length >= PAGE) deliver([]);
  }

  function deliver(events: readonly SourceEvent[]): void {
    const all = collected.length > 0 ? [...collected.splice(0), ...events] : events;
    if (all.length > 0) listener.events(all);
  }

  function troubled(trouble: Trouble | undefined, resource: string): void {
    if (trouble?.is === 'unknown')
      listener.warn(`the API server does not have ${resource}, so there are none (${trouble.message})`);
    const message = trouble === undefined || trouble.is === 'unknown' ? undefined : trouble.message;
    if (message === failure && (message !== undefined || unreadable === undefined)) return;
    failure = message;
    deliver(message === undefined ? readable() : isUnreadable(resource, message));
    listener.changed();
  }

  function readable(): SourceEvent[] {
    const file = unreadable;
    unreadable = undefined;
    return file === undefined ? [] : [{ type: 'problems', file, unreadable: false, problems: [] }];
  }

  function isUnreadable(file: string, message: string): SourceEvent[] {
    const before = file === unreadable ? [] : readable();
    unreadable = file;
    const problem = { issue: tableIssue('unreadable', message) };
    return [...before, { type: 'problems', file, kind: kind.kind, unreadable: true, problems: [problem] }];
  }

  const follow: ReflectorListener = {
    page: (objects, first, place) => collect(table.page(objects, first, place)),
    listed() {
      deliver(table.listed());
      isListed = true;
      listener.changed();
    },
    changes(changes, place) {
      deliver(table.changes(changes, place));
      listener.changed();
    },
    trouble: (trouble, place) => troubled(trouble, place?.resource ?? kind.name),
  };

  return {
    start() {
      current ??= reflector({ ...options, places: (fresh) => kind.places(fresh), listener: follow });
    },
    async stop() {
      const stopping = current;
      current = undefined;
      await stopping?.stop();
      isListed = false;
      failure = undefined;
    },
    async catchUp() {
      if (current === undefined) throw new Error('the datastore is not followed');
      await current.catchUp();
    },
    get isListed() {
      return isListed;
    },
    get failure() {
      return failure;
    },
    values: () => table.values(),
  };
}
