import { describe, expect, it } from 'vitest'
import { fdb, neighbour } from '../contract/resource.js'
import { DesiredState } from './desired-state.js'

const MAC_A = '02:00:00:00:00:0a'
const MAC_B = '02:00:00:00:00:0b'
const entry = (address: string, macAddress = MAC_A) => neighbour({ link: 'flannel.1', address, macAddress })
const tunnel = (destination: string) => fdb({ link: 'flannel.1', macAddress: MAC_A, destination })

function recorded() {
  const changed: string[] = []
  const wishes = new DesiredState((key) => changed.push(key))
  const changes = () => changed.splice(0)
  return { wishes, changes }
}

describe('Wishes', () => {
  it('tells the keys that came, changed and went, and no other', () => {
    const { wishes, changes } = recorded()
    wishes.set('a', [entry('10.0.1.0'), entry('10.0.2.0')])
    expect(changes()).toEqual(['neighbour flannel.1 10.0.1.0', 'neighbour flannel.1 10.0.2.0'])
    wishes.set('a', [entry('10.0.1.0'), entry('10.0.2.0', MAC_B), entry('10.0.3.0')])
    expect(changes()).toEqual(['neighbour flannel.1 10.0.2.0', 'neighbour flannel.1 10.0.3.0'])
    wishes.set('a', [])
    expect(changes().sort()).toEqual(
      ['10.0.1.0', '10.0.2.0', '10.0.3.0'].map((address) => `neighbour flannel.1 ${address}`),
    )
    expect(wishes.size).toBe(0)
    expect(wishes.owners()).toEqual([])
  })

  it('says nothing where the same is wished again', () => {
    const { wishes, changes } = recorded()
    wishes.set('a', [entry('10.0.1.0')])
    changes()
    wishes.set('a', [entry('10.0.1.0')])
    expect(changes()).toEqual([])
  })

  it('lets the newest of two rivals count, and the other again when it goes', () => {
    const { wishes, changes } = recorded()
    const key = tunnel('192.0.2.1').key
    wishes.set('old lease', [tunnel('192.0.2.1')])
    wishes.set('new lease', [tunnel('192.0.2.2')])
    expect(wishes.get(key)).toEqual(tunnel('192.0.2.2'))
    changes()
    wishes.set('old lease', [tunnel('192.0.2.1')])
    expect(wishes.get(key), 'saying the same again is no newer wish').toEqual(tunnel('192.0.2.2'))
    expect(changes()).toEqual([])
    wishes.set('new lease', [])
    expect(wishes.get(key)).toEqual(tunnel('192.0.2.1'))
    expect(changes()).toEqual([key])
  })

  it('withdraws a wish from beneath another without a word', () => {
    const { wishes, changes } = recorded()
    wishes.set('a', [tunnel('192.0.2.1')])
    wishes.set('b', [tunnel('192.0.2.2')])
    wishes.set('c', [tunnel('192.0.2.3')])
    changes()
    wishes.set('b', [])
    expect(changes()).toEqual([])
    wishes.set('c', [])
    expect([...wishes]).toEqual([tunnel('192.0.2.1')])
  })
})
