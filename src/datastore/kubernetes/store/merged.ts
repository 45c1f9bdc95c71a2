/** What several iterables yield, as it comes. It ends with all of them, or fails with the first that does. */
export async function* merged<Item>(iterables: readonly AsyncIterable<Item>[]): AsyncGenerator<Item> {
  const iterators = iterables.map((iterable) => iterable[Symbol.asyncIterator]());
  const next = (index: number) => iterators[index]?.next().then((result) => ({ index, result }));
  const pending = new Map(iterators.map((_, index) => [index, next(index)]));
  try {
    while (pending.size > 0) {
      const first = await Promise.race(pending.values());
      if (first === undefined) return;
      if (first.result.done) pending.delete(first.index);
      else {
        pending.set(first.index, next(first.index));
        yield first.result.value;
      }
    }
  } finally {
    // They end with the signal that they have.
    for (const iterator of iterators) void iterator.return?.();
  }
}
