import { describe, expect, it } from 'vitest'
import type { Operation } from '../contract/driver.js'
import { address, fdb, link, neighbour, type Resource, route } from '../contract/resource.js'
import { inPhases, operationFor } from './order.js'

const vtep = link({ name: 'flannel.1', type: 'vxlan', mtu: 1450 })
const own = address({ link: 'flannel.1', address: '10.244.1.0', prefixLength: 32 })
const arp = neighbour({ link: 'flannel.1', address: '10.244.2.0', macAddress: '02:00:00:00:00:02' })
const tunnel = fdb({ link: 'flannel.1', macAddress: '02:00:00:00:00:02', destination: '192.0.2.2' })
const way = route({ destination: '10.244.2.0/24', gateway: '10.244.2.0', device: 'flannel.1', onLink: true })
const key = { kind: 'wireguard-peer', key: 'wireguard-peer abc' }

describe('operationFor', () => {
  it.each<[string, Resource | undefined, Resource | undefined, Operation | undefined]>([
    ['nothing actual, nothing desired', undefined, undefined, undefined],
    ['actual as desired', way, route({ ...way }), undefined],
    ['missing', undefined, way, { type: 'put', resource: way }],
    ['not desired', way, undefined, { type: 'delete', resource: way }],
    ['a field more than desired', { ...vtep, macAddress: '02:00:00:00:00:01' } as Resource, vtep, undefined],
  ])('%s', (_, actual, desired, expected) => {
    expect(operationFor(actual, desired)).toEqual(expected)
  })

  it('passes the actual resource along if it differs', () => {
    const other = route({ ...way, gateway: '10.244.9.9' })
    expect(operationFor(other, way)).toEqual({ type: 'put', resource: way, actual: other })
  })

  it('counts a gateway that is not desired as a difference', () => {
    const direct = route({ destination: '10.244.0.0/16', device: 'flannel-wg' })
    const detour = route({ destination: '10.244.0.0/16', device: 'flannel-wg', gateway: '10.244.0.1' })
    expect(operationFor(detour, direct)?.type).toBe('put')
  })
})

describe('inPhases', () => {
  it('puts what is used before what uses it, deletes in reverse, and puts before it deletes', () => {
    const puts = [way, key, tunnel, own, arp, vtep].map((resource): Operation => ({ type: 'put', resource }))
    const deletes = [vtep, own, arp, key, tunnel, way].map(
      (resource): Operation => ({ type: 'delete', resource: { ...resource, key: `old ${resource.key}` } }),
    )
    const phases = inPhases([...deletes, ...puts])
    expect(
      phases.map(({ type, operations }) => [type, operations.map(({ resource }) => resource.kind)]),
    ).toEqual([
      ['put', ['link']],
      ['put', ['address']],
      ['put', ['wireguard-peer', 'fdb', 'neighbour']],
      ['put', ['route']],
      ['delete', ['route']],
      ['delete', ['neighbour', 'wireguard-peer', 'fdb']],
      ['delete', ['address']],
      ['delete', ['link']],
    ])
  })

  it('has no phase without operations', () => {
    expect(inPhases([])).toEqual([])
  })
})
