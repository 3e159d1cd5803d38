import { expect, it } from 'vitest'
import { replacingCommands } from './json-commands.js'

const table = { family: 'ip6', name: 'flannel-ipv6' }
const commands = (text: string) => JSON.parse(replacingCommands('ip6 flannel-ipv6', text)).nftables

it('replaces a table', () => {
  const text = `table ip6 flannel-ipv6 {
\tchain postrtg {
\t\ttype nat hook postrouting priority srcnat; policy accept;
\t\tmeta mark & 0x00004000 == 0x00004000 counter return
\t\tip6 saddr fd00::/48 ip6 daddr != fd01::7 counter masquerade fully-random
\t}
}
`
  const chain = { family: 'ip6', table: 'flannel-ipv6' }
  const address = (field: string) => ({ payload: { protocol: 'ip6', field } })
  const network = { prefix: { addr: 'fd00::', len: 48 } }
  expect(commands(text)).toEqual([
    { add: { table } },
    { delete: { table } },
    { add: { table } },
    {
      add: {
        chain: { ...chain, name: 'postrtg', type: 'nat', hook: 'postrouting', prio: 100, policy: 'accept' },
      },
    },
    {
      add: {
        rule: {
          ...chain,
          chain: 'postrtg',
          expr: [
            { match: { op: '==', left: { '&': [{ meta: { key: 'mark' } }, 0x4000] }, right: 0x4000 } },
            { counter: null },
            { return: null },
          ],
        },
      },
    },
    {
      add: {
        rule: {
          ...chain,
          chain: 'postrtg',
          expr: [
            { match: { op: '==', left: address('saddr'), right: network } },
            { match: { op: '!=', left: address('daddr'), right: 'fd01::7' } },
            { counter: null },
            { masquerade: { flags: 'fully-random' } },
          ],
        },
      },
    },
  ])
})

it('removes a table, there or not', () => {
  expect(commands('')).toEqual([{ add: { table } }, { delete: { table } }])
})

it.each([
  'ip6 saddr fd00::/48 drop',
  'type nat hook postrouting priority raw; policy accept;',
  'accept; flush ruleset',
])('has no %j', (line) => {
  expect(() => commands(`table ip6 flannel-ipv6 {\n\tchain c {\n\t\t${line}\n\t}\n}\n`)).toThrow(
    /has the line/,
  )
})
