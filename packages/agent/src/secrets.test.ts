import { parseNetworkConfig } from '@selvedge/core'
import { expect, test } from 'vitest'
import { readCommandLine } from './command-line/command-line.js'
import { secretsOf, secretsOfSettings } from './secrets.js'

const secrets = (backend: object | undefined) =>
  secretsOf(
    parseNetworkConfig({ Network: '10.244.0.0/16', ...(backend && { Backend: { Type: 'x', ...backend } }) }),
  )

test.each<[string, object | undefined, readonly string[]]>([
  ['none', undefined, []],
  ['none among plain settings', { VNI: 1, Port: 8472, DirectRouting: true }, []],
  ['a PSK', { PSK: 'one' }, ['one']],
  ['in any case', { psk: 'one', SecretAccessKey: 'two', Password: 'three' }, ['one', 'two', 'three']],
  ['one that is a number', { PSK: 12345678 }, ['12345678']],
  ['in an object', { Cloud: { Region: 'x', AccessKeyID: 'one' } }, ['one']],
  ['in a list of objects', { Peers: [{ Name: 'x', PSK: 'one' }, { PSK: 'two' }] }, ['one', 'two']],
  ['all that a secret key holds', { Keys: { a: ['one', { b: 'two' }] } }, ['one', 'two']],
])('secrets of a network config: %s', (_, backend, expected) => {
  expect(secrets(backend)).toEqual(expected)
})

test('a config that a program hands in may be of any depth', () => {
  const options: Record<string, unknown> = {}
  options.Key = options
  expect(secretsOf({ backend: { type: 'x', options }, enableNFTables: false, unknownKeys: [] })).toEqual([])
})

test.each([
  ['--etcd-username=root --etcd-password=one', ['one']],
  ['--nats-servers=tls://nats --nats-username=node --nats-password=one', ['one']],
  ['--nats-servers=tls://nats --nats-token=one', ['one']],
  ['--nats-servers=tls://nats --nats-creds=/etc/node.creds', []],
])('secrets of the settings: %s', (line, expected) => {
  const command = readCommandLine(line.split(' '), {})
  expect(command.type === 'run' && secretsOfSettings(command.settings)).toEqual(expected)
})
