import type { CliIo } from './io.js'

/**
 * What a page is made of. A report shows each page twice, as text and as JSON, of the same facts; by itself a command gathers
 * its own.
 *
 * @param name of the facts; with other arguments they need another name
 */
export function gatheredOnce<T>(
  { sharedFacts }: Pick<CliIo, 'sharedFacts'>,
  name: string,
  gather: () => Promise<T>,
): Promise<T> {
  if (sharedFacts === undefined) return gather()
  const found = sharedFacts.get(name) ?? gather()
  sharedFacts.set(name, found)
  return found as Promise<T>
}
