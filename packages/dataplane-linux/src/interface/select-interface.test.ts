import type { ChosenInterface } from '@selvedge/core'
import { describe, expect, it } from 'vitest'
import { type Candidate, type InterfaceChoice, selectInterface } from './select-interface.js'

const candidate = (name: string, index: number, fields: Partial<Candidate> = {}): Candidate => ({
  name,
  index,
  macAddress: undefined,
  mtu: 1500,
  isUp: true,
  isLoopback: false,
  addresses: [],
  borne: fields.addresses ?? [],
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
    routes: new Map([['8.8.8.8', { index: 2, source: '192.168.0.2' }]]),
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
    [
      'a route to an address',
      [{ canReach: '8.8.8.8' }],
      undefined,
      { name: 'eth0', ipv4: '192.168.0.2', ipv6: 'fd00::1' },
    ],
    ['the first that fits', ['x', /^y/, { canReach: '1.1.1.1' }, 'eth1'], 2, { name: 'eth1' }],
  ])('takes %s', (_, choices, defaultIndex, expected) => {
    expect(select(choices, defaultIndex)).toMatchObject(expected)
  })

  it('leaves out a family that the interface has no address of', () => {
    expect(select(['eth1'])).not.toHaveProperty('ipv6')
  })

  it.each<[reason: string, choice: InterfaceChoice | undefined]>([
    ['the default route leaves by it', undefined],
    ['its name is eth0', 'eth0'],
    ['it has the address 192.168.0.2', '192.168.0.2'],
    ['its address 192.168.0.2 matches /0\\.2$/', /0\.2$/],
    ['its name matches /^eth0/', /^eth0/],
    ['the route to 8.8.8.8 leaves by it', { canReach: '8.8.8.8' }],
  ])('says why: %s', (reason, choice) => {
    expect(select(choice === undefined ? [] : [choice], 2)).toMatchObject({ name: 'eth0', reason })
  })

  describe('of an interface in force', () => {
    const current = { name: 'eth0', mtu: 1400, ipv4: '192.168.0.2', onLink: [], reason: 'it was first' }
    const keep = (fields: Partial<Candidate>, choices: readonly InterfaceChoice[] = [], before = current) => {
      const eth0 = candidate('eth0', 2, fields)
      const eth1 = candidate('eth1', 3, { addresses: ['10.9.0.1', 'fd09::1'] })
      return selectInterface(
        choices,
        { candidates: [eth0, eth1], defaultIndex: 3, routes: new Map() },
        { current: before },
      )
    }

    it('keeps it, with its address, whatever would be chosen now', () => {
      const addresses = ['192.168.0.1', '192.168.0.2']
      for (const choices of [[], [/eth1/]]) {
        expect(keep({ addresses }, choices)).toMatchObject({
          name: 'eth0',
          mtu: 1500,
          ipv4: '192.168.0.2',
          reason: 'it was first',
        })
      }
    })

    it('keeps an address that would not be chosen any more, such as a deprecated one', () => {
      expect(keep({ addresses: ['192.168.0.1'], borne: ['192.168.0.1', '192.168.0.2'] })).toMatchObject({
        ipv4: '192.168.0.2',
      })
    })

    it('stays on it by another address, unless an operator said how to choose', () => {
      const addresses = ['192.168.0.1']
      expect(keep({ addresses })).toMatchObject({ name: 'eth0', ipv4: '192.168.0.1' })
      expect(keep({ addresses }, ['10.9.0.1'])).toMatchObject({ name: 'eth1' })
    })

    it('chooses again if it is gone or down, or has lost a family', () => {
      expect(keep({ name: 'eth7' })).toMatchObject({ name: 'eth1' })
      expect(keep({ addresses: ['192.168.0.2'], isUp: false })).toMatchObject({ name: 'eth1' })
      const dualStack = { ...current, ipv6: 'fd00::1' }
      expect(keep({ addresses: ['192.168.0.2'] }, [], dualStack)).toMatchObject({ name: 'eth1' })
    })
  })

  describe('of an earlier run', () => {
    const BY_DEFAULT_ROUTE = 'the default route leaves by it'
    const eth0 = candidate('eth0', 2, { addresses: ['192.168.0.1', '192.168.0.2', 'fd00::1', 'fd00::2'] })
    const vpn = candidate('vpn0', 3, { addresses: ['10.9.0.1', 'fd09::1'] })
    const before = { name: 'eth0', ipv4: '192.168.0.2', ipv6: 'fd00::2', reason: BY_DEFAULT_ROUTE }
    const again = (
      choices: readonly InterfaceChoice[],
      previous: ChosenInterface = before,
      candidates: readonly Candidate[] = [vpn, eth0],
    ) => {
      const routes = new Map([
        ['8.8.8.8', { index: 2, source: '192.168.0.1' }],
        ['9.9.9.9', { index: 3, source: '10.9.0.1' }],
      ])
      const { name, ipv4, ipv6, reason } = selectInterface(
        choices,
        { candidates, defaultIndex: 3, routes },
        { previous },
      )
      return { name, ipv4, ipv6, reason }
    }

    it('is it again, with its addresses, whatever the default route says', () => {
      expect(again([])).toEqual(before)
      expect(again([], { ...before, reason: undefined })).toEqual(before)
    })

    it('is another that bears the addresses by now, such as a bridge that it was put into', () => {
      const bridge = { ...eth0, name: 'br0', index: 4 }
      const bare = candidate('eth0', 2, { addresses: ['192.168.7.7', 'fd07::7'] })
      expect(again([], before, [bare, vpn, bridge])).toMatchObject({ name: 'br0', ipv4: '192.168.0.2' })
    })

    it('is it with another address of a family, if it bears that of the other', () => {
      const renumbered = candidate('eth0', 2, { addresses: ['192.168.0.1', '192.168.0.2', 'fd05::5'] })
      expect(again([], before, [vpn, renumbered])).toMatchObject({ ipv4: '192.168.0.2', ipv6: 'fd05::5' })
    })

    it('is it with an address that would not be chosen any more, such as a deprecated one', () => {
      const deprecated = { ...eth0, addresses: ['192.168.0.1', 'fd00::1'] }
      expect(again([], before, [vpn, deprecated])).toEqual(before)
    })

    it.each<[string, Partial<Candidate>]>([
      ['is down', { isUp: false }],
      [
        'bears none of the addresses',
        { addresses: ['192.168.0.1', 'fd00::1'], borne: ['192.168.0.1', 'fd00::1'] },
      ],
      ['has no address of a family any more', { addresses: ['192.168.0.2'], borne: ['192.168.0.2'] }],
      ['has become the loopback', { name: 'lo', isLoopback: true }],
    ])('does not count if it %s', (_, fields) => {
      expect(again([], before, [vpn, { ...eth0, ...fields }])).toMatchObject({ name: 'vpn0' })
    })

    it.each<[string, readonly InterfaceChoice[], object]>([
      ['a name of another', ['vpn0'], { name: 'vpn0' }],
      ['an address of another', ['10.9.0.1'], { name: 'vpn0' }],
      ['a pattern on another', [/^10\./], { name: 'vpn0' }],
      ['a way by another', [{ canReach: '9.9.9.9' }], { name: 'vpn0' }],
      ['another before it', ['vpn0', 'eth0'], { name: 'vpn0' }],
      ['another address of it', ['192.168.0.1'], { name: 'eth0', ipv4: '192.168.0.1', ipv6: 'fd00::2' }],
      ['a way by another address of it', [{ canReach: '8.8.8.8' }], { name: 'eth0', ipv4: '192.168.0.1' }],
      ['its name', ['eth0'], { name: 'eth0', ipv4: '192.168.0.2', ipv6: 'fd00::2' }],
      [
        'a pattern that fits it as well as another',
        [/^(10|192)\./],
        { ipv4: '192.168.0.2', ipv6: 'fd00::2' },
      ],
      ['a pattern that fits another address of it', [/\.0\.1$/], { name: 'eth0', ipv4: '192.168.0.1' }],
    ])('gives way to what an operator says: %s', (_, choices, expected) => {
      expect(again(choices)).toMatchObject(expected)
    })

    it.each<[string, InterfaceChoice]>([
      ['its name is eth0', 'eth0'],
      ['it has the address 192.168.0.2', '192.168.0.2'],
      ['its address 192.168.0.2 matches /^(10|192)/', /^(10|192)/],
      ['the route to 8.8.8.8 leaves by it', { canReach: '8.8.8.8' }],
    ])('counts while an operator says the same, and no longer: %s', (reason, choice) => {
      const chosen = { ...before, reason }
      expect(again([choice], chosen)).toEqual(chosen)
      expect(again([], chosen)).toMatchObject({ name: 'vpn0', ipv4: '10.9.0.1' })
    })
  })

  it.each([
    ['an address', /^([0-9a-f:]+)+x$/, { addresses: ['fd00:1234:5678:9abc:def0:1234:5678:9abc'] }],
    ['a name', /^(a|a|aa|aa|a|a)*b/, { name: 'aaaaaaaaaaaaaaa' }],
  ])('ends a pattern that would take for ever on %s, and says so', (_, pattern, fields) => {
    const surroundings = {
      candidates: [...candidates, candidate('long', 5, fields)],
      defaultIndex: 3,
      routes: new Map(),
    }
    expect(() => selectInterface([pattern], surroundings)).toThrow(
      expect.objectContaining({
        code: 'INTERFACE_NOT_FOUND',
        message: expect.stringContaining('was ended after 2 s'),
      }),
    )
    expect(selectInterface([/^eth1$/], surroundings)).toMatchObject({ name: 'eth1' })
  })

  it('lists what it looked for and what exists', () => {
    expect(() => select(['x', /^y/, { canReach: '1.1.1.1' }])).toThrow(
      "no interface fits 'x', nor the pattern /^y/, nor the route to 1.1.1.1. Interfaces: " +
        'eth0 [192.168.0.1 192.168.0.2 fd00::1], eth1 [10.9.0.1], eth2 (down) []. Name one, or one of its addresses: ' +
        "linux({ interface: 'eth0' }), or --iface=eth0 of the agent",
    )
    expect(() => select([])).toThrow(/no default route/)
  })
})
