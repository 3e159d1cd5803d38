import { describe, expect, it } from 'vitest'
import { createOverlay } from './overlay.js'

const subnets = { acquireLease: () => undefined }
const backend = { type: 'vxlan' }
const part = { name: 'x', local: () => [] }
const drivers = [{ snapshot: () => undefined }]

describe('createOverlay in JavaScript', () => {
  const compose = createOverlay as (options?: unknown) => unknown

  it.each<[string, unknown[], RegExp]>([
    ['no options', [], /composed of options, as in createOverlay\(\{ subnets/],
    ['null', [null], /composed of options/],
    ['a store alone', [subnets], /`subnets` is missing: it is a SubnetManager/],
    ['no subnets', [{ backend, drivers }], /`subnets` is missing/],
    ['another thing as subnets', [{ subnets: {}, backend, drivers }], /`subnets` is not what it has to be/],
    ['no backend', [{ subnets, drivers }], /`backend` is missing: it is a Backend, or else `backends`/],
    ['a backend not called', [{ subnets, backend: () => backend, drivers }], /`backend` is not what/],
    ['no backends in the array', [{ subnets, backends: [], drivers }], /`backend` is not what/],
    ['a hole in the array', [{ subnets, backends: [backend, null], drivers }], /`backend` is not what/],
    ['both', [{ subnets, backend, backends: [backend], drivers }], /both are given/],
    ['no drivers', [{ subnets, backend }], /`drivers` is missing: it is an array of Drivers/],
    ['a driver alone', [{ subnets, backend, drivers: drivers[0] }], /`drivers` is not what/],
    ['a part alone', [{ subnets, backend, parts: part, drivers }], /`parts` is not what .*array of Parts/],
    ['a part not called', [{ subnets, backend, parts: [() => part], drivers }], /`parts` is not what/],
    [
      'a part without `local`',
      [{ subnets, backend, parts: [{ name: 'x' }], drivers }],
      /`parts` is not what/,
    ],
    ['a hole among the drivers', [{ subnets, backend, drivers: [undefined] }], /`drivers` is not what/],
  ])('says what is wrong: %s', (_, args, message) => {
    expect(() => compose(...args)).toThrow(TypeError)
    expect(() => compose(...args)).toThrow(message)
  })

  it.each<[string, object, RegExp]>([
    ['0.0.0.0', { publicIp: '0.0.0.0' }, /publicIp is '0\.0\.0\.0', which is an unspecified address/],
    ['127.0.0.1', { publicIp: '127.0.0.1' }, /'127\.0\.0\.1', which is a loopback address/],
    ['ff02::1', { publicIpv6: 'ff02::1' }, /'ff02::1', which is a multicast address/],
    ['::', { publicIpv6: '::' }, /publicIpv6 is '::', which is the unspecified address/],
    ['0:0::0', { publicIpv6: '0:0::0' }, /unspecified/],
    ['an address of the other family', { publicIp: '2001:db8::1' }, /which is no IPv4 address/],
    ['no address', { publicIpv6: 'eth0' }, /which is no IPv6 address/],
  ])('refuses as a public address: %s', (_, options, message) => {
    const refused = () => compose({ subnets, backend, drivers, ...options })
    expect(refused).toThrow(message)
    expect(refused).toThrow(expect.objectContaining({ code: 'INVALID_CONFIG' }))
  })

  it('takes one backend, or an array to choose from, and no drivers at all', () => {
    expect(() => compose({ subnets, backend, drivers })).not.toThrow()
    expect(() => compose({ subnets, backends: [backend], drivers: [] })).not.toThrow()
  })
})
