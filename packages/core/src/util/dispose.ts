/** Disposes of each, whatever the others do, and throws the first failure at the end. */
export async function disposeAll(disposables: readonly AsyncDisposable[]): Promise<void> {
  const results = await Promise.allSettled(disposables.map((disposable) => disposable[Symbol.asyncDispose]()))
  for (const result of results) if (result.status === 'rejected') throw result.reason
}
