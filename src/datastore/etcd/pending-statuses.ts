/** A key to put, or to delete if it has no value. */
export interface StatusWrite {
  readonly key: string;
  readonly value: string | undefined;
}

/** Which statuses in etcd differ from those that should be there. */
export interface PendingStatuses {
  /** All that should be there. */
  want(statuses: ReadonlyMap<string, string>): void;
  /** All that is there, as it was found. */
  found(values: ReadonlyMap<string, string>): void;
  /** What to write next, undefined if nothing differs; the same until it is `written` or not wanted any more. */
  next(): StatusWrite | undefined;
  written(write: StatusWrite): void;
}

/** Pure state: each call takes effect on the next `next`. What has waited longest comes first. */
export function pendingStatuses(): PendingStatuses {
  let wanted: ReadonlyMap<string, string> = new Map();
  let there = new Map<string, string>();
  const dirty = new Set<string>();

  function look(key: string): void {
    if (wanted.get(key) === there.get(key)) dirty.delete(key);
    else dirty.add(key);
  }

  function lookAtAll(others: Iterable<string>): void {
    for (const key of [...wanted.keys(), ...there.keys(), ...others]) look(key);
  }

  return {
    want(statuses) {
      const before = wanted;
      wanted = statuses;
      lookAtAll(before.keys());
    },
    found(values) {
      const before = there;
      there = new Map(values);
      lookAtAll(before.keys());
    },
    next() {
      const [key] = dirty;
      return key === undefined ? undefined : { key, value: wanted.get(key) };
    },
    written({ key, value }) {
      if (value === undefined) there.delete(key);
      else there.set(key, value);
      look(key);
    },
  };
}
