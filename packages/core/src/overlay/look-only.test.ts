import { expect, test, vi } from 'vitest'
import type { Backend } from '../contract/backend.js'
import type { BackendLoader } from '../contract/backend-loader.js'
import type { Driver } from '../contract/driver.js'
import type { NodeContext } from '../contract/node-context.js'
import { route } from '../contract/resource.js'
import { OverlayError } from '../util/errors.js'
import { LookOnly } from './look-only.js'

const scope = { aliases: [], links: [], networks: [] }
const context = {} as NodeContext
const resource = route({ destination: '10.244.1.0/24', device: 'flannel.1' })

/** A driver as a class makes it: its methods need `this`. */
class Recorder implements Driver {
  readonly name = 'recorder'
  readonly kinds = ['route']
  readonly applied = vi.fn()
  readonly checked = vi.fn()
  async preflight(...args: unknown[]) {
    this.checked(...args)
    return ['a warning']
  }
  async snapshot() {
    return [resource]
  }
  async apply(...args: unknown[]) {
    this.applied(...args)
    return []
  }
  async [Symbol.asyncDispose]() {}
}

const backendWith = (driver: Driver): Backend => ({
  type: 'some',
  mtu: () => 1450,
  attributes: () => ({}),
  local: () => [],
  peer: () => [],
  drivers: () => [driver],
})

test('drivers are read and asked to look only; what is to be applied is refused, and named with the error of the start', async () => {
  const look = new LookOnly()
  const recorder = new Recorder()
  const driver = look.driver(recorder)
  expect(await driver.snapshot(scope)).toEqual([resource])
  expect(await driver.preflight?.(['tun'])).toEqual(['a warning'])
  expect(recorder.checked).toHaveBeenCalledWith(['tun'], { lookOnly: true })
  expect(driver.watch).toBeUndefined()
  const error = new OverlayError('UNSUPPORTED', 'no charon is there')
  expect(look.withRefused(error)).toBe(error)
  expect(await driver.apply([{ type: 'delete', resource }])).toMatchObject([{ ok: false }])
  expect(recorder.applied).not.toHaveBeenCalled()
  expect(look.withRefused(error)).toMatchObject({
    code: 'UNSUPPORTED',
    message:
      'no charon is there. A start that fails by it changes this host all the same: delete route 254 10.244.1.0/24 0 0',
  })
})

test('backends bring their drivers, and loaders their previews and leftovers, for looking at alone', async () => {
  const look = new LookOnly()
  const recorder = new Recorder()
  const load = vi.fn()
  const loader: BackendLoader = {
    type: 'some',
    load,
    preview: async () => ({ backend: backendWith(recorder), unknown: ['a key'] }),
    leftovers: async () => [recorder],
  }
  const [pure, made] = look.choice([backendWith(recorder), loader]) as [Backend, BackendLoader]
  const drivers = [
    ...(pure.drivers?.(context) ?? []),
    ...((await made.load(context, {})).drivers?.(context) ?? []),
    ...((await made.leftovers?.(context, {})) ?? []),
  ]
  expect(drivers).toHaveLength(3)
  for (const driver of drivers) await driver.apply([{ type: 'put', resource }])
  expect(recorder.applied).not.toHaveBeenCalled()
  expect(load).not.toHaveBeenCalled()
  expect(look.unknown).toEqual(['a key'])
})

test('a loader that cannot be asked without acting is not called', async () => {
  const load = vi.fn()
  const loader = new LookOnly().choice({ type: 'some', load }) as BackendLoader
  await expect(loader.load(context, {})).rejects.toMatchObject({
    code: 'UNSUPPORTED',
    message: expect.stringContaining('planning with the backend some'),
  })
  expect(load).not.toHaveBeenCalled()
})
