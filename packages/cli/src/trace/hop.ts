/** One step of a packet's way: what the kernel has, and what the leases require there. */
export interface Hop {
  readonly step: string
  /** As the kernel answered. */
  readonly kernel: string
  /** What the leases require; undefined if they say nothing of this step. */
  readonly leases?: string | undefined
  readonly verdict: 'same' | 'differs' | 'unsaid'
}
