import { type Backend, type NodeContext, parseNetworkConfig } from '@selvedge/core'
import type { TencentCloud } from '@selvedge/lab'
import { type TencentVpcOptions, tencentVpc } from '../src/index.js'

export const KEY = { secretId: 'AKIDexample', secretKey: 'a-very-secret-key' }

/** Retries come at once: what is tested is whether they come. */
const HASTY = {
  random: () => 0,
  clock: { now: Date.now, monotonic: () => performance.now(), sleep: briefly },
}

async function briefly(
  milliseconds: number,
  { signal }: { signal?: AbortSignal | undefined } = {},
): Promise<void> {
  const shortened = Math.min(milliseconds, 20)
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, shortened)
    signal?.addEventListener('abort', () => {
      clearTimeout(timer)
      resolve()
    })
  })
  signal?.throwIfAborted()
}

/** A node at a private address, as its backend sees it. */
export function contextOf(address: string, section: object = {}): NodeContext {
  return {
    config: parseNetworkConfig({ Network: '10.244.0.0/16', Backend: { Type: 'tencent-vpc', ...section } }),
    externalInterface: { name: 'eth0', mtu: 1500, ipv4: address, onLink: ['192.168.0.0/16'] },
    publicIp: address,
  }
}

/** Loads the backend of the instance at this address, which the cloud has. */
export async function load(
  cloud: TencentCloud,
  address: string,
  {
    section,
    macAddress,
    ...options
  }: TencentVpcOptions & { readonly section?: object; readonly macAddress?: string } = {},
): Promise<Backend> {
  const loader = tencentVpc({
    credentials: KEY,
    metadataUrl: cloud.metadataUrl(idOf(address)),
    endpoint: cloud.endpoint,
    pollMs: 0,
    timeoutMs: 1_000,
    ...HASTY,
    ...options,
  })
  const context = contextOf(address, section)
  return await loader.load(
    { ...context, externalInterface: { ...context.externalInterface, macAddress } },
    {},
  )
}

export const idOf = (address: string): string => `ins-${address.replaceAll('.', '-')}`
