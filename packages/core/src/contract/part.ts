import type { LeaseContext, NodeContext } from './node-context.js'
import type { Resource } from './resource.js'

/**
 * What a node needs besides its backend, whatever that and the peers are: traffic rules, for one. A pure function from a
 * node with its lease to resources, as a backend's `local` is: the same arguments give the same answer, and it does no
 * I/O, reads no clock and draws no random number. `plan` shows what it calls for, and the drivers keep it. A resource of
 * a part that cannot be written does not keep a node from joining: it is reported, and tried again.
 *
 * Either function may throw an OverlayError; anything else that it throws becomes one, `INTERNAL`, that names the part.
 */
export interface Part {
  /** For messages, such as `blackhole route`. */
  readonly name: string
  /** As a backend's: the types of links that the kernel must know. */
  readonly requires?: readonly string[] | undefined
  /** As a backend's: one sentence for each thing that works but was probably meant otherwise. */
  warnings?(context: NodeContext): readonly string[]
  /** No resource may have the key of one of the backend's or of another part's. */
  local(context: LeaseContext): readonly Resource[]
}
