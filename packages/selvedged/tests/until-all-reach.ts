import { type Namespace, type Pod, pingUntilReached } from '@selvedge/lab'

/**
 * Waits until each of `from` gets an answer from every pod. An agent is in sync with the leases that it knows;
 * it learns of a node that joined meanwhile a moment later.
 */
export async function untilAllReach(from: readonly Namespace[], pods: readonly Pod[]): Promise<void> {
  const pairs = from.flatMap((namespace) =>
    pods
      .filter((pod) => pod !== namespace)
      .flatMap(({ addresses }) => addresses.map((to) => ({ namespace, to }))),
  )
  await Promise.all(pairs.map(({ namespace, to }) => pingUntilReached(namespace, to)))
}
