/** What several sources yield, as it comes, until all have ended or one fails. Leaving the loop ends them all. */
export async function* merge<T>(
  sources: readonly AsyncGenerator<T, void, undefined>[],
): AsyncGenerator<T, void, undefined> {
  const pending = new Map<AsyncGenerator<T, void, undefined>, Promise<Step<T>>>()
  const ask = (source: AsyncGenerator<T, void, undefined>): void => {
    pending.set(
      source,
      source.next().then((result) => ({ source, result })),
    )
  }
  try {
    for (const source of sources) ask(source)
    while (pending.size > 0) {
      const { source, result } = await Promise.race(pending.values())
      if (result.done === true) pending.delete(source)
      else {
        yield result.value
        ask(source)
      }
    }
  } finally {
    // Not awaited: one that waits for its next value ends only with its own signal.
    for (const source of sources) void source.return().catch(() => {})
    for (const step of pending.values()) void step.catch(() => {})
  }
}

interface Step<T> {
  readonly source: AsyncGenerator<T, void, undefined>
  readonly result: IteratorResult<T, void>
}
