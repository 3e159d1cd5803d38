import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict'
import {
  type Backend,
  type ErrorCode,
  isOverlayError,
  type Lease,
  type LeaseContext,
  type OverlayError,
  type Resource,
} from '@selvedge/core'
import { contains, decodeLeaseAttributes, encodeLeaseAttributes, requireCidr } from '@selvedge/core/kit'
import { malformed } from '../fuzz/malformed-lease.js'
import { seededRandom } from '../fuzz/seeded-random.js'
import type { Runner } from '../runner.js'
import {
  assertCanonical,
  assertUniqueKeys,
  deepFreeze,
  peerOrRefusal,
  withoutClockOrRandomness,
} from './checks.js'
import {
  SAMPLE_MTU,
  type Sample,
  type SampleFamilies,
  type SampleOptions,
  sampleNetwork,
  sampleNode,
} from './fixture.js'

/** How many of them are tried, for each of the families. */
const MALFORMED_LEASES = 500

/** What holds in a network of these families. */
export function familySection(
  { describe, it }: Runner,
  options: SampleOptions,
  families: SampleFamilies,
  seed: number,
): void {
  const { setup, section } = options
  const sample = (): Sample => deepFreeze(sampleNetwork(families, options))

  describe(`in a network of ${families}`, () => {
    it('names its type', () => {
      const { type } = setup(0)
      ok(typeof type === 'string' && type !== '')
      strictEqual(setup(1).type, type)
    })

    it('leaves pods an MTU no larger than that of the external interface', () => {
      const { backend, context } = sample()
      const mtu = backend.mtu(context)
      ok(
        Number.isInteger(mtu) && mtu > 0 && mtu <= SAMPLE_MTU,
        `mtu() is ${mtu} on an interface of ${SAMPLE_MTU}`,
      )
    })

    it('refuses an external interface whose MTU leaves no room, and no other', () => {
      const { backend, context } = sample()
      for (const mtu of [1, 28, 68, 128, 576]) {
        const narrow = { ...context, externalInterface: { ...context.externalInterface, mtu } }
        const left = valueOrCode(() => backend.mtu(narrow))
        const sane = typeof left === 'number' ? left > 0 && left <= mtu : isInterfaceFault(left)
        ok(sane, `mtu() on an interface of ${mtu}: ${left}`)
      }
    })

    it('publishes its type or none, and the addresses at which peers reach the node', () => {
      const { backend, context } = sample()
      const { backendType, publicIp, publicIpv6 } = backend.attributes(context)
      ok(backendType === undefined || backendType === backend.type, `it publishes the type ${backendType}`)
      deepStrictEqual(
        { publicIp, publicIpv6 },
        { publicIp: context.publicIp, publicIpv6: context.publicIpv6 },
      )
    })

    it('publishes what survives a store unchanged', () => {
      const { backend, context } = sample()
      const text = encodeLeaseAttributes(backend.attributes(context))
      strictEqual(encodeLeaseAttributes(decodeLeaseAttributes(text)), text)
      deepStrictEqual(defined(decodeLeaseAttributes(text)), defined(backend.attributes(context)))
    })

    it('publishes the same when it finds what it published before', () => {
      const { backend, context } = sample()
      deepStrictEqual(
        backend.attributes({ ...context, previous: context.lease }),
        backend.attributes({ ...context, previous: undefined }),
      )
    })

    it(`publishes something, whatever was published before: seed ${seed}`, () => {
      const { backend, context } = sample()
      const random = seededRandom(seed)
      for (let index = 0; index < MALFORMED_LEASES; index += 1) {
        const previous = malformed(context.lease, random)
        const attributes = valueOrCode(() => backend.attributes({ ...context, previous }))
        ok(
          typeof attributes !== 'string',
          `attributes() threw ${attributes} for ${JSON.stringify({ previous, seed })}`,
        )
      }
    })

    it('refuses a node without the addresses it needs', () => {
      const { backend, context } = sample()
      const { name, mtu } = context.externalInterface
      const bare = {
        ...context,
        publicIp: undefined,
        publicIpv6: undefined,
        externalInterface: { name, mtu, onLink: [] },
      }
      const code = valueOrCode(() => backend.attributes(bare))
      strictEqual(code, 'INTERFACE_UNSUITABLE', 'attributes() without any address')
    })

    it('gives equal answers to equal questions, changes no argument, and reads no clock or random numbers', () => {
      const first = sample()
      const second = sample()
      const everything = ({ backend, context, peers }: Sample) =>
        withoutClockOrRandomness(() => ({
          mtu: backend.mtu(context),
          attributes: backend.attributes(context),
          local: backend.local(context),
          peers: peers.map((lease) => backend.peer(lease, context)),
        }))
      const once = everything(first)
      deepStrictEqual(everything(first), once, 'a second call gave something else')
      deepStrictEqual(everything(second), once, 'another instance gave something else')
    })

    it('gives resources in canonical form', () => {
      const { backend, context, peers } = sample()
      assertCanonical(backend.local(context))
      for (const lease of peers) assertCanonical(backend.peer(lease, context))
    })

    it('gives no two resources of one key', () => {
      const { backend, context, peers } = sample()
      assertUniqueKeys([...backend.local(context), ...peers.flatMap((lease) => backend.peer(lease, context))])
    })

    it('gives a peer the same resources whatever other peers there are', () => {
      const { backend, context, peers } = sample()
      const inOrder = peers.map((lease) => backend.peer(lease, context))
      const reversed = peers.toReversed().map((lease) => backend.peer(lease, context))
      const alone = peers.map((lease) => setup(0).peer(lease, context))
      deepStrictEqual(reversed.toReversed(), inOrder, 'asked in reverse order')
      deepStrictEqual(alone, inOrder, 'asked of an instance that knows of no other')
    })

    it('gives the same resources after a peer has renewed its lease', () => {
      const { backend, context, peers } = sample()
      for (const lease of peers) {
        const asked = backend.peer(lease, context)
        deepStrictEqual(backend.peer({ ...lease, expiresAt: 1 }, context), asked)
        deepStrictEqual(backend.peer({ ...lease, expiresAt: undefined }, context), asked)
      }
    })

    it('gives no resources for a peer of another backend', () => {
      const { backend, context, peers } = sample()
      const others = [
        'no-such-backend',
        ...(context.lease.attributes.backendType === undefined ? [] : [undefined]),
      ]
      for (const lease of peers) {
        for (const backendType of others) {
          for (const backendData of [lease.attributes.backendData, undefined, 'of some other form']) {
            const foreign: Lease = { ...lease, attributes: { ...lease.attributes, backendType, backendData } }
            deepStrictEqual(peerOrRefusal(backend, foreign, context), [], `for a peer of type ${backendType}`)
          }
        }
      }
    })

    it(`refuses a malformed lease with INVALID_LEASE, naming its subnet, and in no other way: seed ${seed}`, () => {
      const { backend, context, peers } = sample()
      const random = seededRandom(seed)
      for (let index = 0; index < MALFORMED_LEASES; index += 1) {
        const lease = deepFreeze(malformed(peers[index % peers.length] ?? context.lease, random))
        try {
          const answer = peerOrRefusal(backend, lease, context)
          if (isOverlayError(answer)) {
            assertNames(answer, lease)
          } else {
            assertCanonical(answer)
            assertUniqueKeys(answer)
            assertRoutesInto(lease, answer)
          }
        } catch (error) {
          const what = error instanceof Error ? error.message : String(error)
          throw new Error(`${what}; the lease: ${JSON.stringify(lease)}, the seed: ${seed}`, { cause: error })
        }
      }
    })

    it('answers by its arguments alone, whatever it was asked before', () => {
      const { backend, context, peers } = sample()
      const elsewhere = {
        ...context,
        externalInterface: { ...context.externalInterface, name: 'eth1', mtu: 1400 },
      }
      const answers = (asked: Backend, at: LeaseContext) => ({
        mtu: asked.mtu(at),
        attributes: asked.attributes(at),
        local: asked.local(at),
        peers: peers.map((lease) => asked.peer(lease, at)),
      })
      const here = answers(backend, context)
      deepStrictEqual(
        answers(backend, elsewhere),
        answers(setup(0), elsewhere),
        'with another external interface',
      )
      deepStrictEqual(answers(backend, context), here, 'with the first one again')
    })

    it('routes to the own subnets of a peer alone', () => {
      const { backend, context, peers } = sample()
      for (const lease of peers) assertRoutesInto(lease, backend.peer(lease, context))
    })

    if (families === 'dual-stack') {
      it('serves a peer that has one family only', () => {
        const { backend, context, peers } = sample()
        for (const family of ['IPv4', 'IPv6'] as const) {
          for (const [index, peer] of peers.entries()) {
            const node = index + 1
            const published = setup(node).attributes(sampleNode(family, node, section))
            const lease = {
              ...peer,
              attributes: published,
              [family === 'IPv4' ? 'ipv6Subnet' : 'subnet']: undefined,
            }
            const resources = backend.peer(lease, context)
            assertCanonical(resources)
            assertRoutesInto(lease, resources)
          }
        }
      })
    }
  })
}

/** The value, or the code of the OverlayError that was thrown instead. */
function valueOrCode<T>(body: () => T): T | ErrorCode {
  try {
    return body()
  } catch (error) {
    if (isOverlayError(error)) return error.code
    throw error
  }
}

const isInterfaceFault = (code: string): boolean =>
  code === 'INTERFACE_UNSUITABLE' || code === 'INVALID_CONFIG'

/** Without the fields that say undefined: to publish nothing and not to publish are one. */
const defined = (fields: object): object =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))

function assertNames({ message }: OverlayError, { subnet, ipv6Subnet }: Lease): void {
  const named = [subnet, ipv6Subnet].some((text) => text !== undefined && message.includes(text))
  ok(named, `the error names no subnet of the lease: ${message}`)
}

function assertRoutesInto({ subnet, ipv6Subnet }: Lease, resources: readonly Resource[]): void {
  const own = [subnet, ipv6Subnet].filter((text) => text !== undefined).map(requireCidr)
  for (const resource of resources) {
    const destination = resource.kind === 'route' ? Reflect.get(resource, 'destination') : undefined
    if (typeof destination !== 'string') continue
    const inside = own.some((network) => contains(network, requireCidr(destination)))
    ok(inside, `${resource.key} is none of the lease of ${subnet ?? ipv6Subnet}`)
  }
}
