import { describe, expect, it } from 'vitest'
import { type Driver, OverlayError, type Resource, type UnmarkedRoute } from '../index.js'
import { hostScope, type LeftLink, planRemoval, removeHeld } from './leftovers.js'

const link = (name: string, type: string | undefined, alias?: string): LeftLink => ({ name, type, alias })

describe('which links are an overlay’s', () => {
  it.each([
    ['flannel.1', 'vxlan', true],
    ['flannel.4096', 'vxlan', true],
    ['flannel-v6.1', 'vxlan', true],
    ['flannel.ipip', 'ipip', true],
    ['flannel0', 'tun', true],
    ['flannel-wg', 'wireguard', true],
    ['flannel-wg-v6', 'tun', true],
    ['flannel-ipsec', 'tun', true],
    ['flannel.1', 'bridge', false],
    ['flannel.1', undefined, false],
    ['flannel0', 'vxlan', false],
    ['flannel.1x', 'vxlan', false],
    ['xflannel.1', 'vxlan', false],
    ['vxlan.calico', 'vxlan', false],
  ])('%s of type %s: %s', (name, type, expected) => {
    expect(hostScope([link(name, type)], []).scope.links).toEqual(expected ? [name] : [])
  })

  it.each([
    ['flannel.99', 99, true],
    ['flannel.99', 9, false],
    ['flannel.9', 99, false],
    ['flannel-v6.1', 1, true],
    ['flannel-v6.1', 11, false],
  ])('%s of VNI %d: %s', (name, vni, expected) => {
    const { scope, lookAlikes } = hostScope([{ ...link(name, 'vxlan'), vni }], [])
    expect(scope.links).toEqual(expected ? [name] : [])
    expect(lookAlikes.map((each) => each.name)).toEqual(expected ? [] : [name])
  })

  it('names those that have flannel’s names alone, unless they bear selvedge’s mark', () => {
    const links = [
      link('flannel.1', 'bridge'),
      link('flannel0', 'veth'),
      link('flannel.2', 'bridge', 'selvedge 10.244.0.0/16'),
      link('flannel.99x', 'vxlan'),
      link('cni0', 'bridge'),
    ]
    const { lookAlikes } = hostScope(links, [])
    expect(lookAlikes.map(({ name }) => name)).toEqual(['flannel.1', 'flannel0'])
  })

  it.each([
    ['selvedge 10.244.0.0/16', true],
    ['selvedge fd44::/48', true],
    ['not selvedge 10.244.0.0/16', false],
    ['selvedge', false],
    ['selvedge cluster', false],
    ['selvedge 10.244.0.0/16 not', false],
  ])('by the alias %s: %s', (alias, expected) => {
    const { scope, networks } = hostScope([link('any', 'bridge', alias)], [])
    expect(scope.aliases).toEqual(expected ? [alias] : [])
    expect(networks).toEqual(expected ? [alias.replace('selvedge ', '')] : [])
  })
})

describe('which routes without a mark are flanneld’s', () => {
  const served = [
    { network: '10.244.0.0/16', subnet: '10.244.3.1/24' },
    { network: 'fd44::/48', subnet: 'fd44:0:0:3::1/64' },
  ]
  const { scope } = hostScope([], served)
  const route = (fields: Partial<UnmarkedRoute>): UnmarkedRoute => ({
    type: 'unicast',
    destination: '10.244.5.0/24',
    table: 254,
    gateway: '192.0.2.5',
    ...fields,
  })
  it.each<[string, Partial<UnmarkedRoute>, boolean]>([
    ['to a peer', {}, true],
    ['to the first subnet of the network', { destination: '10.244.0.0/24' }, true],
    ['to the last one', { destination: '10.244.255.0/24' }, true],
    ['to a peer by IPv6', { destination: 'fd44:0:0:5::/64', gateway: 'fd77::5' }, true],
    [
      'a blackhole of its own subnet',
      { type: 'blackhole', destination: '10.244.3.0/24', gateway: undefined },
      true,
    ],
    ['a blackhole of another', { type: 'blackhole', gateway: undefined }, false],
    ['without a gateway', { gateway: undefined }, false],
    ['to a pod', { destination: '10.244.5.7/32' }, false],
    ['to several subnets', { destination: '10.244.4.0/23' }, false],
    ['of another network', { destination: '10.245.5.0/24' }, false],
    ['in another table', { table: 100 }, false],
  ])('%s', (_, fields, expected) => {
    expect(scope.isUnmarkedOurs?.(route(fields))).toBe(expected)
  })

  it('none, if it is not known what was served here, or that is no network of flannel’s', () => {
    expect(hostScope([], []).scope.isUnmarkedOurs).toBeUndefined()
    const odd = hostScope([], [{ network: '10.244.3.0/29', subnet: '10.244.3.1/30' }])
    expect(odd.scope.isUnmarkedOurs?.(route({}))).toBe(false)
  })
})

/** Holds things, some of which it refuses to delete. */
class Holder implements Driver {
  readonly name = 'holder'
  readonly kinds = ['thing']
  readonly held: Map<string, Resource>
  readonly #refuses: readonly string[]

  constructor(keys: readonly string[], refuses: readonly string[] = []) {
    this.held = new Map(keys.map((key) => [key, { kind: 'thing', key }]))
    this.#refuses = refuses
  }

  async snapshot(): Promise<readonly Resource[]> {
    return [...this.held.values()]
  }

  async apply(operations: Parameters<Driver['apply']>[0]) {
    return operations.map(({ resource: { key } }) => {
      if (this.#refuses.includes(key))
        return { ok: false, error: new OverlayError('DRIVER_REFUSED', key) } as const
      this.held.delete(key)
      return { ok: true } as const
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

describe('removing what is held', () => {
  const scope = { aliases: [], links: [], networks: [] }

  it('is planned as deletions, which changes nothing, and leaves nothing', async () => {
    const driver = new Holder(['a', 'b'])
    const plan = await planRemoval({ drivers: [driver], scope })
    expect(plan.map(({ type, resource }) => [type, resource.key])).toEqual([
      ['delete', 'a'],
      ['delete', 'b'],
    ])
    expect(driver.held.size).toBe(2)
    expect(await removeHeld({ drivers: [driver], scope })).toEqual([])
    expect(driver.held.size).toBe(0)
  })

  it('names each thing that is refused, and removes all others', async () => {
    const driver = new Holder(['a', 'b', 'c', 'd'], ['b', 'd'])
    const failures = await removeHeld({ drivers: [driver], scope })
    expect(failures.map(({ message }) => message).sort()).toEqual(['b', 'd'])
    expect([...driver.held.keys()]).toEqual(['b', 'd'])
  })

  it('is a failure, and no rejection, if the driver cannot be read', async () => {
    const driver = new Holder([])
    driver.snapshot = () => Promise.reject(new OverlayError('ACCESS_DENIED', 'no'))
    expect(await removeHeld({ drivers: [driver], scope })).toMatchObject([{ code: 'ACCESS_DENIED' }])
  })
})
