import type { StoredMsg } from '@nats-io/jetstream'
import { headers } from '@nats-io/transport-node'
import { describe, expect, it } from 'vitest'
import { entryOfStored } from './entry.js'

const AT = new Date('2026-01-02T03:04:05Z')

function entry(seq: number, value: string, head: Readonly<Record<string, string>> = {}) {
  const header = headers()
  for (const [name, text] of Object.entries(head)) header.set(name, text)
  const stored = {
    subject: '$KV.selvedge.subnets.10.5.52.0-24',
    seq,
    time: AT,
    header,
    data: new TextEncoder().encode(value),
  }
  return entryOfStored(stored as unknown as StoredMsg, '$KV.selvedge.')
}

describe('an entry', () => {
  it('has its key, number, time and text', () => {
    expect(entry(7, 'text')).toEqual({
      key: 'subnets.10.5.52.0-24',
      seq: 7,
      storedAt: AT.getTime(),
      value: 'text',
      created: 7,
      ttlMs: undefined,
    })
  })

  it.each(['KV-Operation', 'Nats-Marker-Reason'])('with %s says that its key is gone', (header) => {
    expect(entry(7, '', { [header]: 'DEL' }).value).toBeUndefined()
  })

  it.each([
    ['30', 30_000],
    ['30s', 30_000],
    ['never', undefined],
    ['1h', undefined],
  ])('with a time to live of %s is kept for %s ms', (text, ttlMs) => {
    expect(entry(7, '', { 'Nats-TTL': text }).ttlMs).toBe(ttlMs)
  })

  it.each([
    ['3', 3],
    ['7', 7],
    ['8', 7],
    ['0', 7],
    ['-1', 7],
    ['1.5', 7],
    ['soon', 7],
  ])('of number 7 that says it was created with %s was created with %i', (text, created) => {
    expect(entry(7, '', { 'Selvedge-Created': text }).created).toBe(created)
  })
})
