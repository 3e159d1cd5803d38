import type { KernelResource } from '@selvedge/core/kit'
import type { FakeRuleset } from './types.js'

/** One request of a driver. */
export type FakeRequest =
  | {
      readonly type: 'put' | 'delete'
      /** The name of the driver that asked. */
      readonly driver: string
      /** What it is about, as the driver was given it. */
      readonly resource: KernelResource | FakeRuleset
    }
  | {
      readonly type: 'snapshot'
      /** The name of the driver that asked. */
      readonly driver: string
    }

/** A request of a driver, and its outcome. */
export type RequestRecord = FakeRequest & {
  /** Whether anything in the kernel changed by it. */
  readonly changed: boolean
  /** What it failed with, if it did. */
  readonly errno?: string | undefined
}

/** A request that was to change something. */
export type WriteRecord = Exclude<RequestRecord, { readonly type: 'snapshot' }>
