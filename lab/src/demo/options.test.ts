import { expect, test } from 'vitest'
import { parseDemoOptions } from './options.js'

test('three hosts over vxlan by default', () => {
  expect(parseDemoOptions([])).toMatchObject({ hosts: 3, backend: 'vxlan', keep: false, json: false })
  expect(parseDemoOptions(['--hosts', '5', '--backend=host-gw', '--json', '--keep'])).toMatchObject({
    hosts: 5,
    backend: 'host-gw',
    keep: true,
    json: true,
  })
})

test.each([
  [['--hosts', '1'], "--hosts is '1'"],
  [['--hosts', 'many'], "--hosts is 'many'"],
  [['--backend', 'gre'], "--backend is 'gre'"],
  [['--loud'], '--loud'],
  [['--backend', 'wireguard', '--fake'], 'which the fake kernel does not have'],
  [['--backend', 'ipsec', '--fake'], 'ipsec, which the fake kernel does not have'],
  [['--backend', 'ipsec', '--cni'], 'ipsec, which --cni does not show'],
])('%j is refused by name', (args, message) => {
  expect(() => parseDemoOptions(args)).toThrow(message)
})
