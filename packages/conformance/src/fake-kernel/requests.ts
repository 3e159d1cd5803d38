import type { KernelResource } from '@selvedge/core/kit'

/** One thing that a driver asked of the kernel. */
export type FakeRequest =
  | { readonly type: 'put' | 'delete'; readonly driver: string; readonly resource: KernelResource }
  | { readonly type: 'snapshot'; readonly driver: string }

/** A request that a driver made, and what became of it. */
export type RequestRecord = FakeRequest & {
  /** Whether anything in the kernel changed by it. */
  readonly changed: boolean
  /** What the kernel refused it with, where it did. */
  readonly errno?: string | undefined
}

/** A request that was to change something. */
export type WriteRecord = Exclude<RequestRecord, { readonly type: 'snapshot' }>
