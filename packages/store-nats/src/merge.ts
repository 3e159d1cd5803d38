/** What several sources yield, as it comes, until all have ended or one fails. Leaving the loop ends them all. */
export async function* merge<T>(
  sources: readonly AsyncGenerator<T, void, undefined>[],
): AsyncGenerator<T, void, undefined> {
  // Not a race of promises: one that stays pending would keep what each of the others came to.
  const steps: Step<T>[] = []
  let wake = (): void => {}
  const ask = (source: AsyncGenerator<T, void, undefined>): void => {
    const take = (step: Step<T>): void => {
      steps.push(step)
      wake()
    }
    source.next().then(
      (result) => take({ source, result }),
      (error: unknown) => take({ source, error }),
    )
  }
  let open = sources.length
  try {
    for (const source of sources) ask(source)
    while (open > 0) {
      const step = steps.shift()
      if (step === undefined) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
        continue
      }
      if (step.result === undefined) throw step.error
      if (step.result.done === true) open -= 1
      else {
        yield step.result.value
        ask(step.source)
      }
    }
  } finally {
    // Not awaited: one that waits for its next value ends only with its own signal.
    for (const source of sources) void source.return().catch(() => {})
  }
}

interface Step<T> {
  readonly source: AsyncGenerator<T, void, undefined>
  /** Undefined if it failed. */
  readonly result?: IteratorResult<T, void>
  readonly error?: unknown
}
