import { isOverlayError } from '@selvedge/core'
import { beforeEach, describe, expect, it } from 'vitest'
import { FakeKernel } from './kernel.js'
import type { FakeRuleset } from './types.js'

const SCOPE = { aliases: [], links: [], networks: [] }
const masquerade = (network: string): FakeRuleset => ({
  kind: 'ruleset',
  key: 'ruleset iptables ipv4',
  mode: 'iptables',
  family: 4,
  text: [
    '*nat',
    ':OURS - [0:0]',
    '-A POSTROUTING -j OURS',
    `-A OURS -s ${network} -j MASQUERADE`,
    'COMMIT',
    '',
  ].join('\n'),
})
const TABLE: FakeRuleset = {
  kind: 'ruleset',
  key: 'ruleset nftables ipv4',
  mode: 'nftables',
  family: 4,
  text: 'table ip ours {\n\tchain forward {\n\t}\n}\n',
}

describe('the rulesets of a FakeKernel', () => {
  let kernel: FakeKernel
  let driver: ReturnType<FakeKernel['firewall']>

  beforeEach(() => {
    kernel = new FakeKernel()
    driver = kernel.firewall()
  })

  const put = async (resource: FakeRuleset) => (await driver.apply([{ type: 'put', resource }]))[0]
  const changes = () => kernel.writes.map(({ changed }) => changed)

  it('are printed as iptables-save does, between the rules of others', async () => {
    kernel.run('iptables -t nat -A POSTROUTING -j BEFORE')
    await put(masquerade('10.244.0.0/16'))
    kernel.run('iptables -t nat -A POSTROUTING -j AFTER')
    kernel.run('ip6tables -A FORWARD -j DROP')
    expect(kernel.iptablesSave()).toContain(`*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:OURS - [0:0]
-A POSTROUTING -j BEFORE
-A POSTROUTING -j OURS
-A POSTROUTING -j AFTER
-A OURS -s 10.244.0.0/16 -j MASQUERADE
COMMIT
`)
    expect(kernel.iptablesSave(6)).toContain('-A FORWARD -j DROP\n')
    expect(kernel.iptablesSave(6)).not.toContain('OURS')
  })

  it('are replaced as a whole, and not written if they are so already', async () => {
    await put(masquerade('10.244.0.0/16'))
    await put(masquerade('10.244.0.0/16'))
    await put(masquerade('10.99.0.0/16'))
    await put(TABLE)
    expect(changes()).toEqual([true, false, true, true])
    expect(kernel.iptablesSave()).not.toContain('10.244')
    expect(kernel.nftListRuleset()).toBe(TABLE.text)
    expect(await driver.snapshot(SCOPE)).toEqual([masquerade('10.99.0.0/16'), TABLE])
  })

  it.each([
    ['a rule deleted', 'iptables -t nat -D POSTROUTING -j OURS', /:OURS/, /-j OURS/],
    ['a chain flushed', 'iptables -t nat -F OURS', /-j OURS/, /MASQUERADE/],
    ['a table deleted', 'nft delete table ip ours', /MASQUERADE/, /table ip ours/],
  ])('changed by others differ from what was put, which is reported: %s', async (_, line, left, gone) => {
    await put(masquerade('10.244.0.0/16'))
    await put(TABLE)
    const stop = new AbortController()
    const event = driver.watch({ signal: stop.signal }).next()
    kernel.run(line)
    expect(await event).toEqual({ value: { type: 'changed' }, done: false })
    stop.abort()
    const text = kernel.iptablesSave() + kernel.nftListRuleset()
    expect(text).toMatch(left)
    expect(text).not.toMatch(gone)
    expect(await driver.snapshot(SCOPE)).not.toEqual([masquerade('10.244.0.0/16'), TABLE])
  })

  it('are refused by faults and without privileges', async () => {
    kernel.fail({ errno: 'EBUSY' })
    expect(await put(TABLE)).toMatchObject({ ok: false, error: { code: 'DRIVER_REFUSED', errno: 'EBUSY' } })
    expect(await put(TABLE)).toEqual({ ok: true })
    const other = new FakeKernel({ privileged: false }).firewall()
    const [denied] = await other.apply([{ type: 'put', resource: TABLE }])
    expect(denied?.ok === false && isOverlayError(denied.error, 'ACCESS_DENIED')).toBe(true)
  })

  it('are gone once deleted, which may be said twice', async () => {
    await put(TABLE)
    for (const changed of [true, false]) {
      expect(await driver.apply([{ type: 'delete', resource: TABLE }])).toEqual([{ ok: true }])
      expect(changes().at(-1)).toBe(changed)
    }
    expect(kernel.nftListRuleset()).toBe('')
  })

  it('does not guess at what it does not understand', () => {
    expect(() => kernel.run('nft flush ruleset')).toThrow(TypeError)
    expect(() => kernel.run('iptables -t nat -D POSTROUTING -j OURS')).toThrow(/has no rule/)
  })
})
