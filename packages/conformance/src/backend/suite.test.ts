import { type Backend, type Lease, OverlayError, type Resource } from '@selvedge/core'
import {
  baseAddress,
  enabledFamilies,
  link,
  peerAddresses,
  publicAddresses,
  route,
  unknownKeyWarnings,
} from '@selvedge/core/kit'
import { describe, expect, it } from 'vitest'
import { type BackendSuiteOptions, backendSuite } from './index.js'

/** A backend that is as it should be, to be spoiled one way at a time. */
function toy(): Backend {
  return {
    type: 'toy',
    warnings: ({ config }) =>
      unknownKeyWarnings(Object.keys(config.backend?.options ?? {}), {}, 'the toy settings'),
    mtu({ externalInterface: { name, mtu } }) {
      if (mtu < 100)
        throw new OverlayError('INTERFACE_UNSUITABLE', `${name} has an MTU of ${mtu}, and toy needs 100`)
      return mtu - 20
    },
    attributes: (context) => ({
      ...publicAddresses(context),
      backendType: 'toy',
      backendData: { colour: 'red' },
    }),
    local: () => [link({ name: 'toy0', type: 'dummy' })],
    peer(lease, { config, externalInterface }) {
      if (lease.attributes.backendType !== 'toy') return []
      return enabledFamilies(config).flatMap((parts) => {
        const addresses = peerAddresses(lease, parts)
        if (addresses === undefined) return []
        const { subnet, publicAddress } = addresses
        return [route({ destination: subnet, gateway: publicAddress, device: externalInterface.name })]
      })
    },
  }
}

/** Runs the suite and returns the titles of the tests that fail, each once. */
function failuresOf(setup: (node: number) => Backend, options: Partial<BackendSuiteOptions> = {}): string[] {
  const failed = new Set<string>()
  const collect = {
    describe: (_name: string, body: () => void) => body(),
    it(name: string, body: () => void | Promise<void>) {
      try {
        body()
      } catch {
        failed.add(name.replace(/: seed \d+$/, ''))
      }
    },
  }
  backendSuite(collect, { setup, seed: 1, ...options })
  return [...failed]
}

const spoiled = (parts: Partial<Backend>) => () => ({ ...toy(), ...parts })
const sound = toy()
/** Each instance has a counter of its own. */
const counting = (spoil: (count: () => number) => Partial<Backend>) => () => {
  let calls = 0
  return {
    ...toy(),
    ...spoil(() => {
      calls += 1
      return calls
    }),
  }
}
const eachSubnet = (lease: Lease): string[] =>
  [lease.subnet, lease.ipv6Subnet].filter((text) => text !== undefined)
const isToy = ({ attributes }: Lease): boolean => attributes.backendType === 'toy'

const SAME =
  'gives equal answers to equal questions, changes no argument, and reads no clock or random numbers'
const CANONICAL = 'gives resources in canonical form'
const UNIQUE = 'gives no two resources of one key'
const MALFORMED = 'refuses a malformed lease with INVALID_LEASE, naming its subnet, and in no other way'
const OTHER_TYPE = 'gives no resources for a peer of another backend'
const RENEWED = 'gives the same resources after a peer has renewed its lease'
const OTHERS = 'gives a peer the same resources whatever other peers there are'
const BEFORE = 'answers by its arguments alone, whatever it was asked before'
const OWN_ROUTES = 'routes to the own subnets of a peer alone'
const ONE_FAMILY = 'serves a peer that has one family only'
const MTU = 'leaves pods an MTU no larger than that of the external interface'
const NARROW = 'refuses an external interface whose MTU leaves no room, and no other'
const PUBLISHED = 'publishes its type or none, and the addresses at which peers reach the node'
const STORED = 'publishes what survives a store unchanged'
const AGAIN = 'publishes the same when it finds what it published before'
const WHATEVER = 'publishes something, whatever was published before'
const BARE = 'refuses a node without the addresses it needs'
const WARNINGS = 'warns of a key of the Backend section that has no meaning, and of no other'

const broken: readonly [what: string, setup: (node: number) => Backend, fails: readonly string[]][] = [
  ['has no type', spoiled({ type: '' }), ['names its type']],
  ['knows no warnings', spoiled({ warnings: () => [] }), [WARNINGS]],
  ['warns of everything', spoiled({ warnings: () => ['NoSuchKey', 'Type'] }), [WARNINGS]],
  ['gives pods more than the interface has', spoiled({ mtu: () => 9000 }), [MTU, NARROW]],
  ['gives pods nothing', spoiled({ mtu: ({ externalInterface }) => externalInterface.mtu - 1500 }), [MTU]],
  ['gives pods a fraction', spoiled({ mtu: ({ externalInterface }) => externalInterface.mtu / 7 }), [MTU]],
  [
    'gives pods less than nothing',
    spoiled({ mtu: ({ externalInterface }) => externalInterface.mtu - 50 }),
    [NARROW],
  ],
  [
    'publishes another type',
    spoiled({ attributes: (c) => ({ ...sound.attributes(c), backendType: 'yot' }) }),
    [PUBLISHED],
  ],
  ['publishes no address', spoiled({ attributes: () => ({ backendType: 'toy' }) }), [PUBLISHED, BARE]],
  [
    'publishes what JSON cannot say',
    spoiled({ attributes: (c) => ({ ...sound.attributes(c), backendData: { key: Number.NaN } }) }),
    [STORED],
  ],
  [
    'publishes something else when it comes back',
    spoiled({
      attributes: (c) => ({ ...sound.attributes(c), backendData: { comeback: c.previous !== undefined } }),
    }),
    [AGAIN],
  ],
  [
    'trusts what was published before',
    spoiled({
      attributes(c) {
        const before = c.previous?.attributes.backendData
        if (c.previous !== undefined && (before === null || typeof before !== 'object')) {
          throw new OverlayError('INVALID_LEASE', 'the data is no object')
        }
        return sound.attributes(c)
      },
    }),
    [WHATEVER],
  ],
  [
    'publishes a random number',
    spoiled({ attributes: (c) => ({ ...sound.attributes(c), backendData: Math.random() }) }),
    [SAME],
  ],
  [
    'publishes the time',
    spoiled({ attributes: (c) => ({ ...sound.attributes(c), backendData: Date.now() }) }),
    [SAME],
  ],
  [
    'writes into what it is given',
    spoiled({
      peer(lease, context) {
        if (isToy(lease)) Object.assign(lease, { seen: true })
        return sound.peer(lease, context)
      },
    }),
    [SAME],
  ],
  [
    'writes resources by hand',
    spoiled({
      local: () => [{ kind: 'route', key: 'route 10.9.0.0/16', destination: '10.9.0.0/16' } as Resource],
    }),
    [CANONICAL],
  ],
  [
    'gives a resource that is not data',
    spoiled({ local: () => [{ kind: 'x', key: 'x', go: () => 1 } as Resource] }),
    [CANONICAL],
  ],
  ['gives one link twice', spoiled({ local: (c) => [...sound.local(c), ...sound.local(c)] }), [UNIQUE]],
  [
    'gives every peer the same key',
    spoiled({ peer: (lease) => (isToy(lease) ? [{ kind: 'toy-peer', key: 'toy-peer' }] : []) }),
    [UNIQUE],
  ],
  [
    'numbers its peers',
    counting((count) => ({
      peer: (lease) => (isToy(lease) ? [{ kind: 'toy-peer', key: `toy-peer ${count()}` }] : []),
    })),
    [OTHERS],
  ],
  [
    'remembers the first interface it saw',
    () => {
      let first: string | undefined
      return {
        ...toy(),
        local(context) {
          first ??= context.externalInterface.name
          return [link({ name: `toy-${first}`, type: 'dummy' })]
        },
      }
    },
    [BEFORE],
  ],
  [
    'does not look at the type',
    spoiled({
      peer: (lease, c) =>
        sound.peer({ ...lease, attributes: { ...lease.attributes, backendType: 'toy' } }, c),
    }),
    [OTHER_TYPE],
  ],
  [
    'throws at a peer of another type',
    spoiled({
      peer(lease, context) {
        if (!isToy(lease)) throw new TypeError('not mine')
        return sound.peer(lease, context)
      },
    }),
    [OTHER_TYPE],
  ],
  [
    'writes the end of a lease into a resource',
    spoiled({
      peer: (lease) =>
        isToy(lease)
          ? [{ kind: 'toy-peer', key: `toy ${eachSubnet(lease)}`, until: lease.expiresAt } as Resource]
          : [],
    }),
    [RENEWED],
  ],
  [
    'trusts what peers publish',
    spoiled({
      peer(lease, context) {
        if (!isToy(lease)) return []
        const { colour } = lease.attributes.backendData as { colour: string }
        return colour.startsWith('r') ? sound.peer(lease, context) : []
      },
    }),
    [MALFORMED],
  ],
  [
    'refuses a malformed lease with another code',
    spoiled({
      peer(lease, context) {
        if (isToy(lease) && lease.attributes.backendData === undefined) {
          throw new OverlayError('INVALID_CONFIG', `${lease.subnet} ${lease.ipv6Subnet} has no data`)
        }
        return sound.peer(lease, context)
      },
    }),
    [MALFORMED],
  ],
  [
    'does not say which lease is malformed',
    spoiled({
      peer(lease, context) {
        if (isToy(lease) && lease.attributes.backendData === undefined) {
          throw new OverlayError('INVALID_LEASE', 'there is no data')
        }
        return sound.peer(lease, context)
      },
    }),
    [MALFORMED],
  ],
  [
    'routes the whole network to each peer',
    spoiled({
      peer(lease, context) {
        const { ipv4, ipv6 } = context.config
        return sound.peer(
          { ...lease, subnet: lease.subnet && ipv4?.network, ipv6Subnet: lease.ipv6Subnet && ipv6?.network },
          context,
        )
      },
    }),
    [OWN_ROUTES],
  ],
  [
    'wants both families of each peer',
    spoiled({
      peer(lease, context) {
        if (isToy(lease))
          for (const { subnet } of enabledFamilies(context.config)) baseAddress(String(lease[subnet]))
        return sound.peer(lease, context)
      },
    }),
    [ONE_FAMILY],
  ],
]

describe('the suite of backends', () => {
  it('passes a backend that is as it should be', () => {
    expect(failuresOf(toy)).toEqual([])
  })

  it.each(broken)('fails one that %s', (_what, setup, fails) => {
    expect(failuresOf(setup)).toEqual(expect.arrayContaining([...fails]))
  })

  it('leaves out what is declared not to be supported, and nothing else', () => {
    const oneFamily = spoiled({
      attributes(context) {
        if (context.config.ipv6 !== undefined) throw new OverlayError('UNSUPPORTED', 'toy knows IPv4 only')
        return sound.attributes(context)
      },
    })
    expect(failuresOf(oneFamily)).not.toEqual([])
    expect(failuresOf(oneFamily, { supports: { ipv6: false, dualStack: false } })).toEqual([])
    expect(failuresOf(spoiled({ type: '' }), { supports: { ipv6: false, dualStack: false } })).not.toEqual([])
  })

  it('gives the backend the settings it needs', () => {
    const needsSecret = spoiled({
      warnings: ({ config }) => Object.keys(config.backend?.options ?? {}).filter((key) => key !== 'Secret'),
      attributes(context) {
        if (context.config.backend?.options.Secret !== 'x')
          throw new OverlayError('INVALID_CONFIG', 'no Secret')
        return sound.attributes(context)
      },
    })
    expect(failuresOf(needsSecret)).not.toEqual([])
    expect(failuresOf(needsSecret, { section: { Type: 'toy', Secret: 'x' } })).toEqual([])
  })

  it('prints the seed of the malformed leases in the name of their test', () => {
    const names: string[] = []
    backendSuite({ describe: (_, body) => body(), it: (name) => names.push(name) }, { setup: toy, seed: 42 })
    expect(names.filter((name) => name.includes('seed 42')).length).toBe(6)
  })
})
