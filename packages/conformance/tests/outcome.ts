import type { Runner } from '@selvedge/conformance'
import type { KernelResource } from '@selvedge/core/kit'

/** Runs those tests of a suite that have such a name, and returns the names of all and of those that fail, and why. */
export async function outcome(declare: (runner: Runner) => void, names: RegExp) {
  const tests: { name: string; body: () => void | Promise<void> }[] = []
  declare({
    describe: (_name, body) => body(),
    it: (name, body) => {
      if (names.test(name)) tests.push({ name, body })
    },
  })
  const failed: string[] = []
  const messages: string[] = []
  for (const { name, body } of tests) {
    try {
      await body()
    } catch (error) {
      failed.push(name)
      messages.push(error instanceof Error ? error.message : String(error))
    }
  }
  return { all: tests.map(({ name }) => name), failed, messages }
}

/** The command by which another process deletes a resource. */
export function deleteCommand(resource: KernelResource): string {
  switch (resource.kind) {
    case 'link':
      return `ip link del ${resource.name}`
    case 'address':
      return `ip addr del ${resource.address}/${resource.prefixLength} dev ${resource.link}`
    case 'route':
      return `ip route del ${resource.destination} metric ${resource.metric}`
    case 'neighbour':
      return `ip neigh del ${resource.address} dev ${resource.link}`
    case 'fdb':
      return `bridge fdb del ${resource.macAddress} dev ${resource.link} dst ${resource.destination} self`
  }
}
