import { afterEach, expect, it, vi } from 'vitest'
import { linux } from '../driver.js'
import { unsupportedRuntime } from './libc.js'

afterEach(() => {
  vi.unstubAllGlobals()
})

it('knows the runtimes that crash', () => {
  expect(unsupportedRuntime({ ...process.versions, bun: '1.4.0' })).toBe('Bun 1.4.0')
  expect(unsupportedRuntime({ ...process.versions, deno: '2.9.0' })).toBe('Deno 2.9.0')
  expect(unsupportedRuntime(process.versions)).toBeUndefined()
})

it.each([
  ['Bun', { bun: '1.4.0' }],
  ['Deno', { deno: '2.9.0' }],
])('%s is refused by name before a native module is loaded', async (name, versions) => {
  vi.stubGlobal(
    'process',
    Object.create(process, { versions: { value: { ...process.versions, ...versions } } }),
  )
  await using driver = linux()
  await expect(driver.externalInterface?.()).rejects.toMatchObject({
    code: 'UNSUPPORTED',
    message: expect.stringMatching(new RegExp(`${name} .* crashes on it; run this program with Node.js`)),
  })
})
