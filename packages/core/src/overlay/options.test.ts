import { describe, expect, it } from 'vitest'
import { createOverlay } from './overlay.js'

const subnets = { acquireLease: () => undefined }
const backend = { type: 'vxlan' }
const part = { name: 'x', local: () => [] }
const drivers = [{ snapshot: () => undefined }]

describe('createOverlay in JavaScript', () => {
  const compose = createOverlay as (options?: unknown) => unknown

  it.each<[string, unknown[], RegExp]>([
    [
      'no options',
      [],
      /createOverlay\(\) is called with an object of options, but it got undefined: they are subnets,/,
    ],
    ['null', [null], /it got null/],
    ['a store alone', [subnets], /createOverlay\(\) has no option acquireLease; it has subnets, backend,/],
    ['no subnets', [{ backend, drivers }], /the option subnets .* is missing: it must be a SubnetManager/],
    ['another thing as subnets', [{ subnets: {}, backend, drivers }], /the option subnets .* is an object/],
    ['no backend', [{ subnets, drivers }], /has no backend: give the option backend or backends, as in/],
    [
      'a backend not called',
      [{ subnets, backend: () => backend, drivers }],
      /the option backend .* is a function/,
    ],
    ['no backends in the array', [{ subnets, backends: [], drivers }], /has no backend/],
    [
      'a hole in the array',
      [{ subnets, backends: [backend, null], drivers }],
      /must be an array of Backends, such/,
    ],
    ['both', [{ subnets, backend, backends: [backend], drivers }], /both the options backend and backends/],
    [
      'no drivers',
      [{ subnets, backend }],
      /the option drivers .* is missing: it must be an array of Drivers/,
    ],
    [
      'an empty array of drivers',
      [{ subnets, backend, drivers: [] }],
      /drivers .* is empty, .*a driver is missing/,
    ],
    [
      'a driver alone',
      [{ subnets, backend, drivers: drivers[0] }],
      /drivers .* is an object: it must be an array/,
    ],
    ['a part alone', [{ subnets, backend, parts: part, drivers }], /parts .* is an object: .*array of Parts/],
    [
      'a part not called',
      [{ subnets, backend, parts: [() => part], drivers }],
      /parts .* an array of a function/,
    ],
    [
      'a part without `local`',
      [{ subnets, backend, parts: [{ name: 'x' }], drivers }],
      /each with a name and local/,
    ],
    [
      'a hole among the drivers',
      [{ subnets, backend, drivers: [undefined] }],
      /drivers .* an array of undefined/,
    ],
    [
      'an option that is near another',
      [{ subnets, backend, drivers, subnet: 3 }],
      /no option subnet: did you mean subnets\?/,
    ],
    [
      'a number as a public address',
      [{ subnets, backend, drivers, publicIp: 5 }],
      /publicIp .* the number 5: it must be text/,
    ],
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

  it('takes one backend, or an array to choose from, and no drivers if the interface is named', () => {
    const externalInterface = { name: 'eth0' }
    expect(() => compose({ subnets, backend, drivers })).not.toThrow()
    expect(() => compose({ subnets, backends: [backend], drivers: [], externalInterface })).not.toThrow()
  })
})
