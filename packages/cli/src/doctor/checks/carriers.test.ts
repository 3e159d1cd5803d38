import { expect, test } from 'vitest'
import { acceptanceOf, type Carrier, carrierText, namesCarrier } from './carriers.js'

const [ipip, esp, vxlan]: readonly Carrier[] = [{ protocol: 'ipip' }, { protocol: 'esp' }, { port: 8472 }]

test.each<[text: string, carrier: Carrier | undefined, isNamed: boolean]>([
  // As nftables, iptables-save and their versions print them.
  ['meta l4proto ipip drop', ipip, true],
  ['meta l4proto ipencap drop', ipip, true],
  ['ip protocol 4 counter drop', ipip, true],
  ['meta l4proto { esp, ipencap } accept', ipip, true],
  ['meta l4proto { esp, ipencap } accept', esp, true],
  ['ip6 nexthdr esp drop', esp, true],
  ['-p ipencap -j DROP', ipip, true],
  ['-s 10.0.0.0/8 -p 4 -j DROP', ipip, true],
  ['-p esp -j ACCEPT', esp, true],
  ['meta l4proto tcp drop', ipip, false],
  ['meta l4proto 40 drop', ipip, false],
  ['-p tcp -m tcp --dport 4 -j DROP', ipip, false],
  ['ip protocol != ipip drop', ipip, false],
  ['! -p 4 -j DROP', ipip, false],
  ['udp dport 8472 drop', vxlan, true],
  ['udp dport { 53, 8000-9000 } drop', vxlan, true],
  ['-p udp -m multiport --dports 53,8472 -j DROP', vxlan, true],
  ['tcp dport 8472 drop', vxlan, false],
  ['udp dport 4789 drop', vxlan, false],
])('%s', (text, carrier, isNamed) => {
  expect(carrier && namesCarrier(text, carrier)).toBe(isNamed)
})

test('a carrier is named, and accepted by a rule of either tool that names it', () => {
  for (const carrier of [ipip, esp, vxlan, { protocol: 'ipv6' } as const]) {
    if (carrier === undefined) throw new Error('a carrier')
    const { iptables, nft } = acceptanceOf(carrier)
    expect([iptables, nft].map((text) => namesCarrier(text, carrier))).toEqual([true, true])
  }
  expect(esp && carrierText(esp)).toBe('IP protocol 50 (ESP)')
})
