import { expect, it } from 'vitest'
import { KnownAddresses } from './known-addresses.js'

it('keeps IP addresses, once each, and nothing else', () => {
  const known = new KnownAddresses()
  for (const host of [
    'etcd.example',
    '10.0.0.5',
    'fd00::5',
    '10.0.0.5',
    'fe80::1%eth0',
    '::ffff:10.0.0.5',
    '',
  ]) {
    known.add(host)
  }
  for (const peer of ['10.0.0.6:2379', '[fd00::6]:2379', 'etcd.example:2379', 'unknown', '/run/etcd.sock']) {
    known.addPeer(peer)
  }
  expect(known.all).toEqual(['10.0.0.5', 'fd00::5', 'fe80::1', '10.0.0.6', 'fd00::6'])
})
