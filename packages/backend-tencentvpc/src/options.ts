import type { Clock, Random } from '@selvedge/core'
import type { TencentCredentials } from './driver/credentials.js'

/** What the network config does not say of the API and its use. */
export interface TencentVpcOptions {
  /** The API key to use if the network config names none. Default: the instance's CAM role. */
  readonly credentials?: TencentCredentials | undefined
  /** The API, if the network config names none. Default: `vpc.tencentcloudapi.com`. */
  readonly endpoint?: string | undefined
  /** Where the instance's metadata are. Default: `http://metadata.tencentyun.com/latest/meta-data/`. */
  readonly metadataUrl?: string | undefined
  /**
   * How often to look whether the routes are still there, in ms, jittered by a fifth, if the network config does not say.
   * Default: 30,000.
   */
  readonly pollMs?: number | undefined
  /** How long one request to the API may take, in ms. Default: 5,000; of the metadata: 2,000. */
  readonly timeoutMs?: number | undefined
  /** Default: the system's. For tests. */
  readonly clock?: Clock | undefined
  /** Default: `Math.random`. For tests. */
  readonly random?: Random | undefined
}
