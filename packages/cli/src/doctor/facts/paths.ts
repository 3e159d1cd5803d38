import { type LongestEachWay, longestEachWay } from '@selvedge/dataplane-linux'
import { outputOf } from './run.js'

/** How a peer is reached. Undefined: it was not tried. */
export interface PathFact {
  readonly key: string
  readonly subnet: string
  readonly publicIp: string
  /** Of echo requests to its public address; undefined if there was no answer. */
  readonly underlay: EchoFact | undefined
  /** Of echo requests to its address in the overlay, through the tunnel; undefined if there was no answer. */
  readonly overlay: EchoFact | undefined
  /**
   * The longest packet of those tried, in bytes, that gets there whole, and whose answer does: the pods' MTU if all is well.
   * Undefined if none do at all.
   */
  readonly longest: number | undefined
  /** Where long ones do not: the longest of those tried in each direction, in bytes; undefined if it is not known. */
  readonly eachWay?: EachWay | undefined
}

export interface EachWay {
  readonly there: number | undefined
  readonly back: number | undefined
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
  /** Undefined if peers have none, as with host-gw: then their hosts are tried alone. */
  readonly overlayAddress: string | undefined
  readonly mtu: number
}

/** Peers that were tried, of those that there are. */
export interface PathFacts {
  readonly tried: readonly PathFact[]
  readonly peers: number
}

/** Echo requests for each: enough to see loss of a tenth in most cases, in less than a second. */
const COUNT = 20
/** Peers that are tried at a time, each by three processes. */
const BATCH = 16
/** No further ones are begun after this time, which leaves those under way two seconds. */
const BUDGET_MS = 1_000
/** Lengths that links commonly leave; the last is the least that every link of IPv6 takes (RFC 8200, 5). */
const LENGTHS = [1472, 1450, 1430, 1420, 1400, 1370, 1350, 1320, 1300, 1280]
/** IPv4's header, or IPv6's, and ICMP's. */
const headers = (address: string): number => (address.includes(':') ? 48 : 28)

/** Tries peers in their order, some at a time, as long as there is time. */
export async function pathFacts(
  targets: readonly PathTarget[],
  clock: { readonly monotonic: () => number },
): Promise<PathFacts> {
  const end = clock.monotonic() + BUDGET_MS
  const tried: PathFact[] = []
  while (tried.length < targets.length && (tried.length === 0 || clock.monotonic() < end)) {
    const batch = targets.slice(tried.length, tried.length + BATCH)
    tried.push(...(await Promise.all(batch.map(tryPath))))
  }
  return { tried, peers: targets.length }
}

async function tryPath({ key, subnet, publicIp, overlayAddress, mtu }: PathTarget): Promise<PathFact> {
  const address = overlayAddress ?? publicIp
  const [underlay, overlay, whole] = await Promise.all([
    echoes(publicIp, ['-c', '3', '-i', '0.1', '-w', '1']),
    overlayAddress === undefined
      ? undefined
      : echoes(overlayAddress, ['-c', `${COUNT}`, '-i', '0.02', '-w', '2']),
    passes(address, mtu),
  ])
  const isThere = overlay !== undefined || (overlayAddress === undefined && underlay !== undefined)
  const path = { key, subnet, publicIp, underlay, overlay }
  if (!isThere || whole) return { ...path, longest: isThere ? mtu : undefined }
  const lengths = LENGTHS.filter((length) => length < mtu)
  const [longest, directions] = await Promise.all([
    longestOf(address, lengths),
    longestEachWay(address, [mtu, ...lengths]).catch(() => UNKNOWN),
  ])
  return { ...path, longest, eachWay: eachWay(mtu, longest, directions) }
}

/** Without the rights, or the native module, to ask. */
const UNKNOWN: LongestEachWay = { there: undefined, back: undefined }

/**
 * What there and back say of each direction.
 *
 * @param longest of those whose answers are as long: the smaller of the two
 */
export function eachWay(mtu: number, longest: number, { there, back }: LongestEachWay): EachWay {
  // Lost packets make a direction look smaller than what passed both shows.
  const known = back === undefined ? undefined : Math.max(back, longest)
  if (there === 'whole') return { there: mtu, back: known ?? longest }
  // What limits both is not the way back.
  return { there: known !== undefined && known > longest ? longest : undefined, back: known }
}

/** Whether a packet of this length gets there whole, and its answer back. */
async function passes(address: string, length: number): Promise<boolean> {
  const size = ['-M', 'do', '-s', `${length - headers(address)}`]
  return (await echoes(address, ['-c', '3', '-i', '0.1', '-w', '1', ...size])) !== undefined
}

async function longestOf(address: string, lengths: readonly number[]): Promise<number> {
  const passed = await Promise.all(lengths.map((length) => passes(address, length)))
  return lengths[passed.indexOf(true)] ?? 0
}

/** Undefined if none was answered. */
async function echoes(address: string, options: readonly string[]): Promise<EchoFact | undefined> {
  const text = await outputOf('sh', ['-c', 'ping -n -q "$@" || true', 'ping', ...options, address])
  const [, sent, received] = /(\d+) packets transmitted, (\d+) received/.exec(text ?? '') ?? []
  const [, average] = /= [\d.]+\/([\d.]+)\//.exec(text ?? '') ?? []
  if (sent === undefined || received === undefined || Number(received) === 0) return undefined
  return { sent: Number(sent), received: Number(received), rttMs: Number(average ?? 0) }
}
