import { describe, expect, it } from 'vitest'
import { type Candidate, type InterfaceChoice, selectInterface } from './select-interface.js'

const candidate = (name: string, index: number, fields: Partial<Candidate> = {}): Candidate => ({
  name,
  index,
  mtu: 1500,
  isUp: true,
  isLoopback: false,
  addresses: [],
  onLink: [],
  ...fields,
})

const candidates = [
  candidate('lo', 1, { isLoopback: true, addresses: ['127.0.0.1', '::1'] }),
  candidate('eth0', 2, { addresses: ['192.168.0.1', '192.168.0.2', 'fd00::1'], onLink: ['192.168.0.0/24'] }),
  candidate('eth1', 3, { mtu: 9000, addresses: ['10.9.0.1'] }),
  candidate('eth2', 4, { isUp: false }),
]
const select = (choices: readonly InterfaceChoice[], defaultIndex?: number) =>
  selectInterface(choices, {
    candidates,
    defaultIndex,
    ways: new Map([['8.8.8.8', { index: 2, source: '192.168.0.2' }]]),
  })

describe('selectInterface', () => {
  it.each<[string, readonly InterfaceChoice[], number | undefined, object]>([
    ['the default route’s', [], 3, { name: 'eth1', mtu: 9000, ipv4: '10.9.0.1', onLink: [] }],
    [
      'a name',
      ['eth0'],
      3,
      { name: 'eth0', ipv4: '192.168.0.1', ipv6: 'fd00::1', onLink: ['192.168.0.0/24'] },
    ],
    ['an address', ['192.168.0.2'], undefined, { name: 'eth0', ipv4: '192.168.0.2', ipv6: 'fd00::1' }],
    ['an address in another form', ['FD00:0:0::1'], undefined, { name: 'eth0', ipv6: 'fd00::1' }],
    ['a pattern on addresses', [/\.0\.2$/], undefined, { name: 'eth0', ipv4: '192.168.0.2' }],
    ['a pattern on names', [/^eth[12]/], undefined, { name: 'eth1' }],
    ['a pattern that remembers', [/eth1/g], undefined, { name: 'eth1' }],
    ['a way', [{ canReach: '8.8.8.8' }], undefined, { name: 'eth0', ipv4: '192.168.0.2', ipv6: 'fd00::1' }],
    ['the first that fits', ['x', /^y/, { canReach: '1.1.1.1' }, 'eth1'], 2, { name: 'eth1' }],
  ])('takes %s', (_, choices, defaultIndex, expected) => {
    expect(select(choices, defaultIndex)).toMatchObject(expected)
  })

  it('leaves out a family that the interface has no address of', () => {
    expect(select(['eth1'])).not.toHaveProperty('ipv6')
  })

  it('lists what it looked for and what exists', () => {
    expect(() => select(['x', /^y/, { canReach: '1.1.1.1' }])).toThrow(
      "no interface fits 'x', nor the pattern /^y/, nor the route to 1.1.1.1. Interfaces: " +
        'eth0 [192.168.0.1 192.168.0.2 fd00::1], eth1 [10.9.0.1], eth2 (down) []. Name one, or one of its addresses',
    )
    expect(() => select([])).toThrow(/no default route/)
  })
})
