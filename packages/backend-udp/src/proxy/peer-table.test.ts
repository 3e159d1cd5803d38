import { expect, it } from 'vitest'
import { PeerTable } from './peer-table.js'

const at = (address: string): [DataView, number] => [
  new DataView(Uint8Array.from(address.split('.').map(Number)).buffer),
  0,
]

function table(): PeerTable {
  const peers = new PeerTable()
  peers.setNode({ subnets: ['10.5.1.0/24'], networks: ['10.5.0.0/16'] })
  peers.put({ subnet: '10.5.2.0/24', address: '192.168.64.3', port: 8285 })
  peers.put({ subnet: '10.5.3.0/24', address: '192.168.64.3', port: 8285 })
  peers.put({ subnet: '10.5.4.0/24', address: '192.168.64.4', port: 8285 })
  return peers
}

it('says where a packet goes', () => {
  const name = table().routeTo(4, ...at('10.5.4.9'))?.name
  expect(Buffer.from(name ?? []).toString('hex')).toBe('0200205dc0a840040000000000000000')
  expect(table().routeTo(4, ...at('10.5.9.9'))).toBeUndefined()
})

it.each([
  ['10.5.2.7', true],
  ['10.5.3.7', true],
  ['192.168.64.3', true],
  ['203.0.113.9', true],
  ['10.5.4.7', false],
  ['10.5.1.7', false],
  ['10.5.9.7', false],
])('says whether a peer with two subnets may send from %s: %s', (source, may) => {
  const peers = table()
  const sender = peers.senderAt(4, ...at('192.168.64.3'))
  if (sender === undefined) throw new Error('unknown')
  expect(peers.maySend(sender, 4, ...at(source))).toBe(may)
})

it('knows a sender for as long as a lease has its address', () => {
  const peers = table()
  peers.delete('10.5.2.0/24')
  expect(peers.senderAt(4, ...at('192.168.64.3'))).toBeDefined()
  peers.put({ subnet: '10.5.3.0/24', address: '192.168.64.9', port: 8285 })
  expect(peers.senderAt(4, ...at('192.168.64.3'))).toBeUndefined()
  expect(peers.senderAt(4, ...at('192.168.64.9'))).toBeDefined()
  peers.delete('10.5.7.0/24')
})
