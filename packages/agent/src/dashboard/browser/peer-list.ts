/** Which peers are shown, in which order. */
import type { PeerRow } from './feed.js'
import { peerVerdict } from './verdicts.js'

export type Column = 'state' | 'subnet' | 'address' | 'path' | 'rtt' | 'loss' | 'drift' | 'changed'
export type Shown = 'all' | 'trouble' | 'direct' | 'tunnel'

export interface ListState {
  readonly filter: string
  readonly shown: Shown
  readonly column: Column
  readonly descending: boolean
  /** From 0. */
  readonly page: number
}

export interface PeerPage {
  readonly rows: readonly PeerRow[]
  /** The page that is shown: the last, if there are fewer than were asked for. */
  readonly page: number
  readonly pages: number
  /** From 1; 0 if there is none. */
  readonly first: number
  readonly last: number
  readonly matching: number
}

export const PAGE_SIZE = 50
const LEVELS = { bad: 0, warn: 1, ok: 2 }

export function pageOf(peers: Iterable<PeerRow>, state: ListState, now: number): PeerPage {
  const words = state.filter.toLowerCase().split(/\s+/).filter(Boolean)
  const matching = [...peers].filter((peer) => isShown(peer, state.shown, now) && matches(peer, words))
  const keyed = matching.map((peer) => ({
    peer,
    value: sortValue(peer, state.column, now),
    tie: addressKey(peer.key),
  }))
  const sign = state.descending ? -1 : 1
  keyed.sort((a, b) => order(a.value, b.value, sign) || compareText(a.tie, b.tie))
  const pages = Math.max(1, Math.ceil(keyed.length / PAGE_SIZE))
  const page = Math.min(Math.max(0, state.page), pages - 1)
  const rows = keyed.slice(page * PAGE_SIZE, (page + 1) * PAGE_SIZE).map(({ peer }) => peer)
  const first = rows.length === 0 ? 0 : page * PAGE_SIZE + 1
  return { rows, page, pages, first, last: page * PAGE_SIZE + rows.length, matching: keyed.length }
}

function isShown(peer: PeerRow, shown: Shown, now: number): boolean {
  if (shown === 'all') return true
  if (shown === 'trouble') return peerVerdict(peer, now).level !== 'ok'
  return peer.path === shown || peer.path === 'mixed'
}

/** Each word is somewhere in it. */
function matches(peer: PeerRow, words: readonly string[]): boolean {
  if (words.length === 0) return true
  const text = [peer.key, ...peer.subnets, ...peer.addresses, peer.backend, peer.path].join(' ').toLowerCase()
  return words.every((word) => text.includes(word))
}

type Value = string | number | undefined

function sortValue(peer: PeerRow, column: Column, now: number): Value {
  switch (column) {
    case 'state':
      return LEVELS[peerVerdict(peer, now).level]
    case 'subnet':
      return addressKey(peer.subnets[0] ?? '')
    case 'address':
      return addressKey(peer.addresses[0] ?? '')
    case 'path':
      return peer.path
    case 'rtt':
      return peer.rttMs
    case 'loss':
      return peer.loss
    case 'drift':
      return peer.drift
    case 'changed':
      return peer.changedAt
  }
}

/** IPv4 in the order of its numbers. */
function addressKey(text: string): string {
  return text.replace(/\d+/g, (digits) => digits.padStart(3, '0'))
}

/** What is not known comes last, either way. */
function order(a: Value, b: Value, sign: number): number {
  if (a === undefined || b === undefined) return Number(a === undefined) - Number(b === undefined)
  if (typeof a === 'number' && typeof b === 'number') return (a - b) * sign
  return compareText(String(a), String(b)) * sign
}

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
