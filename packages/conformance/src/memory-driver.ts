import type { Driver, Operation, OperationResult, Resource } from '@selvedge/core'

/**
 * Holds whatever it is given, in place of a driver that would need root, a kernel or a cloud: for a backend that brings
 * one, `{ ...backend, drivers: (context) => backend.drivers(context).map((driver) => new MemoryDriver(driver)) }`.
 */
export class MemoryDriver implements Driver {
  readonly name: string
  readonly kinds: readonly string[]
  readonly #held = new Map<string, Resource>()

  /** @param driver the one whose place it takes */
  constructor({ name, kinds }: Pick<Driver, 'name' | 'kinds'>) {
    this.name = name
    this.kinds = kinds
  }

  /** What it holds, in the order in which each was first put. */
  get resources(): readonly Resource[] {
    return [...this.#held.values()]
  }

  async snapshot(): Promise<readonly Resource[]> {
    return this.resources
  }

  async apply(operations: readonly Operation[]): Promise<readonly OperationResult[]> {
    for (const { type, resource } of operations) {
      if (type === 'put') this.#held.set(resource.key, resource)
      else this.#held.delete(resource.key)
    }
    return operations.map(() => ({ ok: true }))
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
