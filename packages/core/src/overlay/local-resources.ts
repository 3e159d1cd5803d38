import type { Backend } from '../contract/backend.js'
import type { LeaseContext, NodeContext } from '../contract/node-context.js'
import type { Part } from '../contract/part.js'
import type { Resource } from '../contract/resource.js'
import { OverlayError } from '../util/errors.js'

/**
 * What this node needs whatever its peers: the backend's resources, then each part's.
 * @throws OverlayError for a part that throws, or whose resource has the key of another's
 */
export function localResources(
  backend: Pick<Backend, 'type' | 'local'>,
  parts: readonly Part[],
  context: LeaseContext,
): readonly Resource[] {
  const resources = backend.local(context)
  if (parts.length === 0) return resources
  const owners = new Map(resources.map(({ key }) => [key, `the backend '${backend.type}'`]))
  const own = parts.flatMap((part) => {
    const resources = ask(part, () => part.local(context))
    for (const { key } of resources) {
      const other = owners.get(key)
      if (other !== undefined) {
        throw new OverlayError(
          'INTERNAL',
          `the part '${part.name}' and ${other} both call for ${key}: an overlay takes one of them`,
        )
      }
      owners.set(key, `the part '${part.name}'`)
    }
    return resources
  })
  return [...resources, ...own]
}

/** What the backend and the parts have to warn of. */
export function localWarnings(
  backend: Backend,
  parts: readonly Part[],
  context: NodeContext,
): readonly string[] {
  return [
    ...(backend.warnings?.(context) ?? []),
    ...parts.flatMap((part) => ask(part, () => part.warnings?.(context) ?? [])),
  ]
}

function ask<T>(part: Part, question: () => T): T {
  try {
    return question()
  } catch (error) {
    throw OverlayError.from(error, 'INTERNAL', `asking the part '${part.name}' what this node needs`)
  }
}
