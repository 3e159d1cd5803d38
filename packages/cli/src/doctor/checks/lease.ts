import type { StoreSettings } from '@selvedge/agent/flags'
import { printable } from '@selvedge/core/kit'
import { count } from '../../output/count.js'
import { duration } from '../../output/duration.js'
import type { Facts } from '../facts/facts.js'
import { type Check, warning } from '../finding.js'
import { nodeOf, ownLease } from './known.js'
import { isLeaseEnding } from './store.js'

const DAY_MS = 24 * 60 * 60 * 1000
/** A renewal that failed is tried again after this time at most. */
const MAX_PAUSE_MS = 30_000
/** A renewal that is due is late once a quarter of the time for it is over: clocks differ, and stores pause. */
const LATE = 0.75
/** With less time for it, a clock that is off by seconds looks like a renewal that is late. */
const MIN_MARGIN_MS = 5 * 60 * 1000
const MAX_SHOWN = 3

/** The times of a lease, in ms since the epoch. */
export interface LeaseTimes {
  readonly key: string
  /** Undefined for one without an end: a reservation, or the lease of a node of Kubernetes. */
  readonly end: number | undefined
  /** When it was taken or renewed last; undefined if its end is not one that an agent with these flags gives it. */
  readonly renewedAt: number | undefined
  /** From when on it is renewed; undefined as its end. */
  readonly renewalAt: number | undefined
  /** How many tries to renew it fit in before it ends. */
  readonly tries: number
}

/** How long a lease lasts; undefined on Kubernetes, where it lasts as long as its Node. */
function termOf(store: StoreSettings): number | undefined {
  if (store.type === 'kubernetes') return undefined
  return store.type === 'local' ? DAY_MS : store.leaseTermMs
}

/** Of this host's lease, as the store tells them, or else the agent; undefined if this host is not known to have one. */
export function leaseTimes(facts: Facts): LeaseTimes | undefined {
  const { store, settings, now } = facts
  const own = ownLease(facts)
  if (own === undefined) return undefined
  const stored = store?.state === 'answers' ? store.leases.find(({ key }) => key === own.key) : undefined
  const end = stored?.expiresAt ?? nodeOf(facts)?.lease.expiresAt
  const term = termOf(settings.store)
  if (end === undefined || term === undefined)
    return { key: own.key, end: undefined, renewedAt: undefined, renewalAt: undefined, tries: 0 }
  const margin = Math.min(settings.renewMarginMs, term / 2)
  const renewedAt = end - term
  return {
    key: own.key,
    end,
    renewedAt: renewedAt > now + MAX_PAUSE_MS ? undefined : renewedAt,
    renewalAt: end - margin,
    tries: Math.floor(margin / MAX_PAUSE_MS),
  }
}

/** A sentence for people. */
export function leaseText({ agent, store, settings, now }: Facts, times: LeaseTimes): string {
  const { key, end, renewedAt, renewalAt, tries } = times
  const name = `lease ${printable(key)}`
  if (end === undefined) {
    if (settings.store.type === 'kubernetes') return `${name}: without an end, as long as its Node`
    return store?.state === 'answers'
      ? `${name}: without an end, such as one that is reserved`
      : `${name}: its end is not known, since the store does not answer`
  }
  const age = renewedAt === undefined ? '' : `renewed ${duration(now - renewedAt)} ago, `
  const left = end <= now ? `ended ${duration(now - end)} ago` : `ends in ${duration(end - now)}`
  if (agent === undefined || agent.state === 'absent') return `${name}: ${age}${left}; no agent renews it`
  const due = renewalAt === undefined || renewalAt <= now ? 'is due' : `in ${duration(renewalAt - now)}`
  return `${name}: ${age}${left}; the next renewal ${due}, with ${count(tries, 'attempt')} before it ends`
}

export const leaseChecks: readonly Check[] = [
  {
    id: 'store.lease-overdue',
    title: "this host's lease is renewed well before it ends",
    find: (facts) => {
      const times = leaseTimes(facts)
      if (times?.end === undefined || times.renewalAt === undefined) return []
      const { key, end, renewalAt } = times
      const left = end - facts.now
      const margin = end - renewalAt
      if (margin < MIN_MARGIN_MS || left >= margin * LATE || isLeaseEnding(facts)) return []
      const isAbsent = facts.agent?.state === 'absent'
      return [
        warning(
          `the lease ${printable(key)} ends in ${duration(left)}, and its renewal has been due for ${duration(facts.now - renewalAt)}: ${isAbsent ? 'no agent runs that renews it' : 'the agent does not get to renew it'}`,
          isAbsent
            ? 'systemctl start selvedged: it keeps the subnet if it starts before the lease ends'
            : "the agent's log says why (journalctl -u selvedged); store.rights and store.unreachable say what of the store it lacks",
        ),
      ]
    },
  },
  {
    id: 'store.peers-overdue',
    title: 'the agents of peers renew their leases well before they end',
    find: (facts) => {
      const { store, settings, now } = facts
      const term = termOf(settings.store)
      if (store?.state !== 'answers' || term === undefined) return []
      const margin = Math.min(settings.renewMarginMs, term / 2)
      if (margin < MIN_MARGIN_MS) return []
      const own = ownLease(facts)?.key
      const late = store.leases
        .flatMap(({ key, publicIp, expiresAt }) =>
          key !== own && expiresAt !== undefined && expiresAt - now < margin * LATE
            ? [{ key, publicIp, left: Math.max(0, expiresAt - now) }]
            : [],
        )
        .sort((a, b) => a.left - b.left)
      if (late.length === 0) return []
      const shown = late
        .slice(0, MAX_SHOWN)
        .map(
          ({ key, publicIp, left }) =>
            `${printable(key)} of ${publicIp ?? 'no address'} in ${duration(left)}`,
        )
      return [
        warning(
          `${count(late.length, "peer's lease ends", "peers' leases end")} soon, and no agent renews ${late.length === 1 ? 'it' : 'them'}: ${shown.join(', ')}`,
          'look on these hosts whether their agents run and reach the store: systemctl status selvedged; a host that is gone for good needs nothing',
        ),
      ]
    },
  },
]
