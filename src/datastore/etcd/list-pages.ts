import type { CallOptions, EtcdClient } from './etcd-client.js';
import type { KeyValue } from './messages.js';

export interface PageOptions extends CallOptions {
  /** As of when; default: now. All pages are as of then, so they are one state. */
  readonly revision?: number;
  readonly pageSize?: number;
}

/** Keys and values of a page, and the revision that they are of. */
export interface Page {
  readonly kvs: readonly KeyValue[];
  readonly revision: number;
}

const PAGE_SIZE = 2000;

/** A range of keys in pages, at least one, maybe empty. The next one is on its way while one is looked at. */
export async function* listPages(
  client: Pick<EtcdClient, 'range'>,
  key: string,
  rangeEnd: string,
  { revision: wanted, pageSize = PAGE_SIZE, ...options }: PageOptions = {},
): AsyncGenerator<Page> {
  const ask = (from: string, revision?: number) =>
    client.range({ key: from, rangeEnd, limit: pageSize, ...(revision !== undefined && { revision }) }, options);
  let next = ask(key, wanted);
  for (;;) {
    const { kvs, header, more } = await next;
    const last = kvs.at(-1);
    const revision = wanted ?? header.revision;
    wanted = revision;
    if (more && last !== undefined) {
      next = ask(`${last.key}\0`, revision);
      // Whoever does not want more pages does not want to know why there are none.
      next.catch(() => undefined);
    }
    yield { kvs, revision };
    if (!more) return;
  }
}
