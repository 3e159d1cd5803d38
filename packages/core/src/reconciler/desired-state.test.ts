import { describe, expect, it } from 'vitest'
import { fdb, neighbour } from '../contract/resource.js'
import { DesiredState } from './desired-state.js'

const MAC_A = '02:00:00:00:00:0a'
const MAC_B = '02:00:00:00:00:0b'
const entry = (address: string, macAddress = MAC_A) => neighbour({ link: 'flannel.1', address, macAddress })
const tunnel = (destination: string) => fdb({ link: 'flannel.1', macAddress: MAC_A, destination })

function recorded() {
  const changed: string[] = []
  const desired = new DesiredState((key) => changed.push(key))
  const changes = () => changed.splice(0)
  return { desired, changes }
}

describe('DesiredState', () => {
  it('reports the keys that came, changed and went, and no other', () => {
    const { desired, changes } = recorded()
    desired.set('a', [entry('10.0.1.0'), entry('10.0.2.0')])
    expect(changes()).toEqual(['neighbour flannel.1 10.0.1.0', 'neighbour flannel.1 10.0.2.0'])
    desired.set('a', [entry('10.0.1.0'), entry('10.0.2.0', MAC_B), entry('10.0.3.0')])
    expect(changes()).toEqual(['neighbour flannel.1 10.0.2.0', 'neighbour flannel.1 10.0.3.0'])
    desired.set('a', [])
    expect(changes().sort()).toEqual(
      ['10.0.1.0', '10.0.2.0', '10.0.3.0'].map((address) => `neighbour flannel.1 ${address}`),
    )
    expect(desired.size).toBe(0)
    expect(desired.owners()).toEqual([])
  })

  it('reports nothing if the same is claimed again', () => {
    const { desired, changes } = recorded()
    desired.set('a', [entry('10.0.1.0')])
    changes()
    desired.set('a', [entry('10.0.1.0')])
    expect(changes()).toEqual([])
  })

  it('lets the newest of two rivals count, and the other again when it goes', () => {
    const { desired, changes } = recorded()
    const key = tunnel('192.0.2.1').key
    desired.set('old lease', [tunnel('192.0.2.1')])
    desired.set('new lease', [tunnel('192.0.2.2')])
    expect(desired.get(key)).toEqual(tunnel('192.0.2.2'))
    changes()
    desired.set('old lease', [tunnel('192.0.2.1')])
    expect(desired.get(key), 'to repeat a claim does not make it newer').toEqual(tunnel('192.0.2.2'))
    expect(changes()).toEqual([])
    desired.set('new lease', [])
    expect(desired.get(key)).toEqual(tunnel('192.0.2.1'))
    expect(changes()).toEqual([key])
  })

  it('holds as many claims to one key as there are, in any order', () => {
    const { desired } = recorded()
    const { key } = tunnel('192.0.2.1')
    const owners = Array.from({ length: 15_000 }, (_, n) => `lease ${n}`)
    for (const owner of owners.slice(0, 2_000)) desired.set(owner, [tunnel('192.0.2.1')])
    expect([...desired.ownersOf(key)].slice(0, 2)).toEqual(['lease 1999', 'lease 1998'])
    for (const owner of owners.slice(2_000)) desired.set(owner, [tunnel('192.0.2.1')])
    for (const owner of owners.slice(0, -1)) desired.set(owner, [])
    expect([...desired.ownersOf(key)]).toEqual(['lease 14999'])
    expect(desired.isClaimedBy(key, 'lease 14999')).toBe(true)
    expect(desired.isClaimedBy(key, 'lease 0')).toBe(false)
  })

  it('withdraws a claim from beneath another silently', () => {
    const { desired, changes } = recorded()
    desired.set('a', [tunnel('192.0.2.1')])
    desired.set('b', [tunnel('192.0.2.2')])
    desired.set('c', [tunnel('192.0.2.3')])
    changes()
    desired.set('b', [])
    expect(changes()).toEqual([])
    desired.set('c', [])
    expect([...desired]).toEqual([tunnel('192.0.2.1')])
  })
})
