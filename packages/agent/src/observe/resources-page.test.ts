import { route } from '@selvedge/core/kit'
import { expect, test } from 'vitest'
import { entriesOf } from './resources-page.js'

const lastChange = () => undefined

test('a put is missing, with what is there instead; a delete is stale; all else is held', () => {
  const [a, b, c] = [1, 2, 3].map((n) => route({ destination: `10.1.${n}.0/24`, device: 'flannel.1' }))
  if (a === undefined || b === undefined || c === undefined) throw new Error('three routes are needed')
  const actual = { ...b, device: 'eth0' }
  const entries = entriesOf({
    desired: [
      { resource: a, owners: ['10.1.1.0-24'] },
      { resource: b, owners: ['10.1.2.0-24', 'x'] },
    ],
    operations: [
      { type: 'put', resource: b, actual },
      { type: 'delete', resource: c },
    ],
    lastChange: (key) => (key === b.key ? { was: 'changed', at: 7 } : undefined),
  })
  expect(entries).toEqual([
    { state: 'held', resource: a, owners: ['10.1.1.0-24'] },
    {
      state: 'missing',
      resource: b,
      actual,
      owners: ['10.1.2.0-24', 'x'],
      changed: { was: 'changed', at: 7 },
    },
    { state: 'stale', resource: c, owners: [] },
  ])
})

test('no secret of a resource is in it', () => {
  const peer = {
    kind: 'wireguard-peer',
    key: 'wireguard-peer wg0 abc',
    publicKey: 'abc',
    presharedKey: 'planted-1',
    connection: { psk: 'planted-2', nested: [{ secret: ['planted-3'] }] },
  }
  const [entry] = entriesOf({
    desired: [{ resource: peer, owners: [] }],
    operations: [{ type: 'put', resource: peer, actual: peer }],
    lastChange,
  })
  expect(JSON.stringify(entry)).not.toContain('planted')
  expect(entry?.resource).toMatchObject({ key: peer.key, publicKey: 'abc' })
})

test('nor is the text of a command, which may hold one', () => {
  const resource = {
    kind: 'command',
    key: 'command 10.1.1.0/24',
    subject: '10.1.1.0/24',
    add: { name: 'SubnetAddCommand', text: 'add --with planted', shell: false },
    remove: { name: 'SubnetRemoveCommand', text: 'remove --with planted', shell: false },
  }
  const [entry] = entriesOf({
    desired: [{ resource, owners: [] }],
    operations: [{ type: 'put', resource, actual: resource }],
    lastChange,
  })
  expect(JSON.stringify(entry)).not.toContain('planted')
  expect(entry?.resource).toMatchObject({ subject: '10.1.1.0/24', add: { name: 'SubnetAddCommand' } })
})
