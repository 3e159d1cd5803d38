import { Resolver } from 'node:dns'
import { expect, it, vi } from 'vitest'
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
    '::ffff:a00:5',
    'FD00:0:0::5',
    '',
  ]) {
    known.add(host)
  }
  for (const peer of ['10.0.0.6:2379', '[fd00::6]:2379', 'etcd.example:2379', 'unknown', '/run/etcd.sock']) {
    known.addPeer(peer)
  }
  expect(known.all).toEqual(['10.0.0.5', 'fd00::5', 'fe80::1', '10.0.0.6', 'fd00::6'])
})

it('keeps the name servers, with a port or without', () => {
  const servers = ['10.0.0.2', '10.0.0.3:5353', 'fd00::53', '[fd00::54]:5353']
  vi.spyOn(Resolver.prototype, 'getServers').mockReturnValueOnce(servers)
  const known = new KnownAddresses()
  known.addNameServers()
  expect(known.all).toEqual(['10.0.0.2', '10.0.0.3', 'fd00::53', 'fd00::54'])
})
