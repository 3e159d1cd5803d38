import type { BackendLoader } from '@selvedge/core'
import { callback, checkOptions, clockShape, number, record, text } from '@selvedge/core/kit'
import { ownAddress, TYPE, tencentVpcBackend } from './backend.js'
import type { TencentVpcOptions } from './options.js'
import { readSettings } from './settings.js'

/**
 * The tencent-vpc backend, compatible with flannel's: packets between hosts are routed by the VPC. Each node writes the
 * route of its own subnet into the route table of its VPC subnet, and no other.
 *
 * When a network config names it, it asks the instance's metadata where it runs, and the API for the route table.
 * Rejects with `DRIVER_REFUSED` if the metadata cannot be had, as away from Tencent Cloud, `UNSUPPORTED` for an instance
 * outside a VPC, `ACCESS_DENIED` without working credentials.
 */
export function tencentVpc(options: TencentVpcOptions = {}): BackendLoader {
  checkOptions<TencentVpcOptions>('tencentVpc()', options, {
    credentials: record,
    endpoint: text,
    metadataUrl: text,
    pollMs: number,
    timeoutMs: number,
    clock: clockShape,
    random: callback,
  })
  const load: BackendLoader['load'] = async (context, { signal }) => {
    const settings = readSettings(context.config)
    const gateway = ownAddress(context)
    const { connect } = await import('./driver/connect.js')
    return tencentVpcBackend(await connect({ ...options, settings, gateway, context, signal }))
  }
  // It only asks.
  return {
    type: TYPE,
    load,
    preview: async (...args) => ({ backend: await load(...args), unknown: [] }),
  }
}
