import type { Facts } from '../facts/facts.js'
import type { PathFact } from '../facts/paths.js'
import { type Check, fatal } from '../finding.js'
import { mtuOf } from './known.js'

const MAX_SHOWN = 3
/** Of echo requests: one of twenty may be lost to a busy host. */
export const MAX_LOST = 2

const REMEDY =
  'give it the MTU of the others, or set "MTU" in the Backend section of the config, and restart agents and pods'

/** Of one direction alone. */
const ONE_WAY = [
  {
    direction: 'there',
    passes: 'from the peer',
    fails: 'to it',
    look: (address: string) =>
      `look at the way from this host to the peer (tracepath ${address}), which takes less than the way back: a device there has a smaller MTU, or drops long packets: ${REMEDY}`,
  },
  {
    direction: 'back',
    passes: 'to the peer',
    fails: 'from it',
    look: (address: string) =>
      `look at the way from the peer to this host (tracepath to this host, on ${address}), which takes less than the way there: a device there has a smaller MTU, or drops long packets: ${REMEDY}`,
  },
] as const

export const mtuChecks: readonly Check[] = [
  {
    id: 'path.mtu',
    title: 'packets as long as the MTU get through',
    find: (facts) => {
      const mtu = mtuOf(facts) ?? 0
      const cut = tooShort(facts).filter((path) => cutDirection(path, mtu) === undefined)
      const [first] = cut
      if (first === undefined) return []
      return [
        fatal(
          `short packets get through, there and back, and those of ${mtu} bytes do not: ${namesOf(cut)}; of the lengths tried ${passing(first.longest)}`,
          `the way between the hosts takes less than their interfaces do: set the interfaces' MTU to what it takes on all hosts, or "MTU" in the Backend section of the config, and restart agents and pods`,
        ),
      ]
    },
  },
  {
    id: 'path.mtu-one-way',
    title: 'packets as long as the MTU get through in both directions, and not in one alone',
    find: (facts) => {
      const mtu = mtuOf(facts) ?? 0
      return ONE_WAY.flatMap(({ direction, passes, fails, look }) => {
        const cut = tooShort(facts).filter((path) => cutDirection(path, mtu) === direction)
        const [first] = cut
        if (first === undefined) return []
        return [
          fatal(
            `packets of ${mtu} bytes get through ${passes}, and not ${fails}: ${namesOf(cut)}; ${fails}, of the lengths tried ${passing(first.eachWay?.[direction])}`,
            look(first.publicIp),
          ),
        ]
      })
    },
  },
]

/** Those that long packets do not reach, or whose answers do not come, though few packets are lost. */
const tooShort = (facts: Facts): readonly PathFact[] => {
  const mtu = mtuOf(facts) ?? 0
  return facts.paths.tried.filter(
    ({ longest, overlay, eachWay }) =>
      longest !== undefined &&
      longest < mtu &&
      // Three of three were lost by chance, and the next ones were not.
      !(eachWay?.there === mtu && eachWay.back === mtu) &&
      (overlay === undefined || overlay.sent - overlay.received <= MAX_LOST),
  )
}

/** The direction that takes less, if the other takes all; undefined if both take less, or if it is not known. */
function cutDirection({ eachWay }: PathFact, mtu: number): 'there' | 'back' | undefined {
  if (eachWay?.there === mtu) return 'back'
  return eachWay?.back === mtu ? 'there' : undefined
}

const passing = (length: number | undefined): string =>
  length === undefined || length === 0 ? 'none passes' : `${length} bytes pass`

export const namesOf = (paths: readonly PathFact[]): string =>
  paths
    .slice(0, MAX_SHOWN)
    .map(({ subnet, publicIp }) => `${subnet} (${publicIp})`)
    .join(', ')
