import { expect, it } from 'vitest'
import { hostAddress } from './ip.js'

it.each([
  ['10.0.0.5', '10.0.0.5'],
  ['FD00:0:0::5', 'fd00::5'],
  ['fe80::1%eth0', 'fe80::1'],
  ['::ffff:10.0.0.5', '10.0.0.5'],
  ['::FFFF:a00:5', '10.0.0.5'],
  ['0:0:0:0:0:ffff:a00:5', '10.0.0.5'],
  ['::fffe:a00:5', '::fffe:a00:5'],
  ['1::ffff:a00:5', '1::ffff:a00:5'],
])('%s is the address %s of a host', (text, address) => {
  expect(hostAddress(text)).toBe(address)
})

it.each(['', 'localhost', '10.0.0', '010.0.0.5', '[fd00::5]', '10.0.0.5:6443', '%eth0'])(
  "'%s' is none",
  (text) => {
    expect(hostAddress(text)).toBeUndefined()
  },
)
