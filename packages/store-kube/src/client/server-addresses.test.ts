import { expect, test } from 'vitest'
import { ServerAddresses } from './server-addresses.js'

test.each([
  ['[::ffff:10.0.0.5]', '10.0.0.5'],
  [new URL('https://[::ffff:10.0.0.5]:6443').hostname, '10.0.0.5'],
  ['::FFFF:A00:5', '10.0.0.5'],
  ['[FD00:0:0::5]', 'fd00::5'],
  ['fe80::1%eth0', 'fe80::1'],
  ['10.0.0.5', '10.0.0.5'],
])('%s is the address %s', (host, address) => {
  const known = new ServerAddresses()
  known.addHost(host)
  known.addHost(host)
  expect(known.all).toEqual([address])
})

test.each(['', 'kube.example', '[kube]', '10.0.0', '::ffff:10.0.0.300'])("'%s' is none", (host) => {
  const known = new ServerAddresses()
  known.addHost(host)
  expect(known.all).toEqual([])
})
