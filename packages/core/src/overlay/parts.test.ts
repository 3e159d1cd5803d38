import { describe, expect } from 'vitest'
import { it as onHost } from '../../tests/overlay-fixture.js'
import type { Part } from '../contract/part.js'
import { route } from '../contract/resource.js'
import { OverlayError } from '../util/errors.js'
import { blackholeRoute } from './blackhole-route.js'
import type { Overlay } from './overlay.js'

const CONFIG = {
  Network: '10.244.0.0/16',
  EnableIPv6: true,
  IPv6Network: 'fd00:244::/56',
  Backend: { Type: 'vxlan' },
}
const SUBNETS = { subnet: '10.244.7.0/24', ipv6Subnet: 'fd00:244:0:7::/64' }
const V4 = 'blackhole 10.244.7.0/24'
const V6 = 'blackhole fd00:244:0:7::/64'

const it = onHost
  .extend('config', () => CONFIG)
  .extend('addresses', () => ['192.0.2.1/24', '2001:db8::1/64'])
  .extend('runningWith', ({ compose }) => async (...parts: Part[]): Promise<Overlay> => {
    const overlay = compose({ parts, previous: SUBNETS })
    await overlay.start()
    await overlay.whenInSync()
    return overlay
  })

describe('an overlay with parts', () => {
  describe('such as a blackhole route', () => {
    it('has it beside what the backend needs, shows it in a plan, and puts it back', async ({
      kernel,
      runningWith,
    }) => {
      const without = await runningWith()
      const bare = without.status.desired
      await without.stop()
      const overlay = await runningWith(blackholeRoute())
      expect(overlay.status).toMatchObject({ desired: bare + 2, actual: bare + 2 })
      expect(kernel.toText()).toContain(`${V4} proto 157 metric 4294967295`)
      expect(kernel.toText()).toContain(V6)
      kernel.run(`ip route del ${V4}`)
      expect((await overlay.plan()).map(({ type, resource }) => `${type} ${resource.key}`)).toEqual([
        'put route 254 10.244.7.0/24 0 4294967295',
      ])
      await overlay.resync()
      expect(await overlay.plan()).toEqual([])
    })

    it('writes nothing at a restart, follows the subnet, and is removed with the overlay or its option', async ({
      clock,
      store,
      kernel,
      runningWith,
    }) => {
      await (await runningWith(blackholeRoute())).stop()
      kernel.requests.length = 0
      const overlay = await runningWith(blackholeRoute())
      expect(kernel.writes).toEqual([])
      store.release(overlay.lease)
      store.reserve({ ...SUBNETS, attributes: { publicIp: '192.0.2.7', backendType: 'alloc' } })
      await clock.settle()
      const { subnet, ipv6Subnet } = overlay.lease
      expect(subnet).not.toBe(SUBNETS.subnet)
      expect(kernel.toText()).not.toContain(V4)
      expect(kernel.toText()).not.toContain(V6)
      expect(kernel.toText()).toContain(`blackhole ${subnet}`)
      expect(kernel.toText()).toContain(`blackhole ${ipv6Subnet}`)
      await overlay.stop()
      await (await runningWith()).stop()
      expect(kernel.toText()).not.toContain('blackhole')
    })

    it("adopts flannel's of IPv6, and stands behind its one of IPv4", async ({ kernel, runningWith }) => {
      kernel.run(`ip route add ${V4} proto boot`)
      kernel.run(`ip route add ${V6} proto boot metric 1024`)
      const overlay = await runningWith(blackholeRoute())
      expect(overlay.status.failures).toEqual([])
      expect(kernel.toText().split(V6)).toHaveLength(2)
      expect(kernel.toText()).toContain(`${V4} proto boot`)
      expect(kernel.toText()).toContain(`${V4} proto 157 metric 4294967295`)
    })
  })

  it('hears their warnings, and asks the drivers for what they require', async ({ compose }) => {
    const part: Part = { name: 'x', requires: ['gre'], warnings: () => ['take care'], local: () => [] }
    await expect(compose({ previous: SUBNETS, parts: [part] }).start()).rejects.toMatchObject({
      code: 'UNSUPPORTED',
    })
    const overlay = compose({ previous: SUBNETS, parts: [{ ...part, requires: [] }] })
    const warnings: string[] = []
    overlay.on('warning', (text) => warnings.push(text))
    await overlay.start()
    expect(warnings).toEqual(['take care'])
  })

  it('does not keep a node from joining if what one calls for cannot be written: it is reported, and tried again', async ({
    clock,
    kernel,
    compose,
  }) => {
    const fault = kernel.fail({
      errno: 'EBUSY',
      when: (request) => request.type === 'put' && request.resource.key.includes('4294967295'),
      times: Number.POSITIVE_INFINITY,
    })
    const overlay = compose({ previous: SUBNETS, parts: [blackholeRoute()] })
    const errors: string[] = []
    overlay.on('error', (error) => errors.push(error.message))
    await overlay.start()
    expect(errors.join()).toContain('EBUSY')
    expect(kernel.toText()).toContain('flannel.1')
    expect(kernel.toText()).not.toContain('4294967295')
    fault.stop()
    await clock.advance(60_000)
    await overlay.whenInSync()
    expect(kernel.toText()).toContain('4294967295')
  })

  it('rejects a start if no driver holds what one calls for', async ({ compose }) => {
    const part: Part = { name: 'x', local: () => [{ kind: 'ruleset', key: 'ruleset x' }] }
    await expect(compose({ previous: SUBNETS, parts: [part] }).start()).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      message: expect.stringContaining("no driver holds resources of kind 'ruleset'"),
    })
  })

  const thrower = (error: Error): Part => ({
    name: 'broken',
    local: () => {
      throw error
    },
  })
  it.for<[string, Part, object]>([
    [
      'an error without a code',
      thrower(new RangeError('no')),
      { code: 'INTERNAL', message: "asking the part 'broken' what this node needs: no" },
    ],
    [
      'an error with one',
      thrower(new OverlayError('INVALID_CONFIG', 'no such network')),
      { code: 'INVALID_CONFIG', message: 'no such network' },
    ],
    [
      'a resource of a key that is taken',
      {
        name: 'broken',
        local: () => [
          route({ destination: SUBNETS.subnet, type: 'blackhole', metric: 1 }),
          route({ destination: SUBNETS.subnet, type: 'blackhole', metric: 1 }),
        ],
      },
      {
        code: 'INTERNAL',
        message:
          "the part 'broken' and the part 'broken' both call for route 254 10.244.7.0/24 0 1: an overlay takes one of them",
      },
    ],
  ])(
    'rejects a start, typed and named, if one answers with %s',
    async ([, part, expected], { kernel, compose }) => {
      await expect(
        compose({ previous: SUBNETS, parts: [blackholeRoute(), part] }).start(),
      ).rejects.toMatchObject(expected)
      expect(kernel.toText()).not.toContain('blackhole')
    },
  )
})
