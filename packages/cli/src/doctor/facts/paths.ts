import { outputOf } from './run.js'

/** How a peer is reached. Undefined: it was not tried. */
export interface PathFact {
  readonly key: string
  readonly subnet: string
  readonly publicIp: string
  /** Of echo requests to its public address; undefined if there was no answer. */
  readonly underlay: EchoFact | undefined
  /** Of echo requests to its address in the overlay, through the tunnel or by the direct route. */
  readonly overlay: EchoFact | undefined
  /** Whether packets as long as the pods' MTU get through whole; undefined if none do at all. */
  readonly fullSize: boolean | undefined
}

export interface EchoFact {
  readonly sent: number
  readonly received: number
  readonly rttMs: number
}

export interface PathTarget {
  readonly key: string
  readonly subnet: string
  readonly publicIp: string
  readonly overlayAddress: string
  readonly mtu: number
}

/** Echo requests for each: enough to see loss of a tenth in most cases, in less than a second. */
const COUNT = 20

/** Tries peers, all at once; each costs two processes and 41 packets. */
export function pathFacts(targets: readonly PathTarget[]): Promise<readonly PathFact[]> {
  return Promise.all(
    targets.map(async ({ key, subnet, publicIp, overlayAddress, mtu }) => {
      const header = overlayAddress.includes(':') ? 48 : 28
      const [underlay, overlay, whole] = await Promise.all([
        echoes(publicIp, ['-c', '3', '-i', '0.1', '-w', '1']),
        echoes(overlayAddress, ['-c', `${COUNT}`, '-i', '0.02', '-w', '2']),
        echoes(overlayAddress, ['-c', '3', '-i', '0.1', '-w', '1', '-M', 'do', '-s', `${mtu - header}`]),
      ])
      return {
        key,
        subnet,
        publicIp,
        underlay,
        overlay,
        fullSize: overlay === undefined ? undefined : whole !== undefined,
      }
    }),
  )
}

/** Undefined if none was answered. */
async function echoes(address: string, options: readonly string[]): Promise<EchoFact | undefined> {
  const text = await outputOf('sh', ['-c', 'ping -n -q "$@" || true', 'ping', ...options, address])
  const [, sent, received] = /(\d+) packets transmitted, (\d+) received/.exec(text ?? '') ?? []
  const [, average] = /= [\d.]+\/([\d.]+)\//.exec(text ?? '') ?? []
  if (sent === undefined || received === undefined || Number(received) === 0) return undefined
  return { sent: Number(sent), received: Number(received), rttMs: Number(average ?? 0) }
}
