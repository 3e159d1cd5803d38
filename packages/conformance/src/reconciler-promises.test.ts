import type { KernelResource } from '@selvedge/core/kit'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { deletedKinds, Process, putKinds, until } from '../tests/process.js'
import { device, otherVni, ownAddress, peer, resourcesOf } from './driver/samples.js'
import { FakeClock } from './fake-clock.js'
import { FakeKernel } from './fake-kernel/kernel.js'

const LOCAL = [device(), ownAddress]
const SECOND = 1_000
const MINUTE = 60 * SECOND

describe('the reconciler promises', () => {
  let clock: FakeClock
  let kernel: FakeKernel
  let processes: Process[]

  beforeEach(() => {
    clock = new FakeClock()
    kernel = new FakeKernel({ clock })
    processes = []
  })

  afterEach(async () => {
    kernel.heal()
    for (const process of processes) await process.stop()
  })

  const starting = (desired: Readonly<Record<string, readonly KernelResource[]>>): Process => {
    const process = new Process(kernel, clock, desired)
    processes.push(process)
    return process
  }

  const peers = (...numbers: readonly number[]) =>
    Object.fromEntries(numbers.map((number) => [`peer ${number}`, resourcesOf(peer(number))]))

  /** A process with these peers that is in sync with an open gate, and with an empty record of requests. */
  async function running(...numbers: readonly number[]): Promise<Process> {
    const process = starting({ local: LOCAL, ...peers(...numbers) })
    process.reconciler.openGate()
    await inSync(process)
    kernel.requests.length = 0
    return process
  }

  const inSync = (process: Process, maxMs = MINUTE) =>
    clock.advanceUntil(() => process.reconciler.status.inSync, maxMs)

  it('1, gate: nothing is deleted before the first complete snapshot of leases', async () => {
    await (await running(2, 3)).stop()
    const left = kernel.toText()
    const process = starting({ local: LOCAL, ...peers(2) })
    await clock.advance(10 * MINUTE)
    // A peer that comes and goes meanwhile may still be in the snapshot.
    process.reconciler.desired.set('peer 3', resourcesOf(peer(3)))
    await clock.advance(SECOND)
    process.reconciler.desired.set('peer 3', [])
    await clock.advance(10 * MINUTE)
    expect(kernel.writes).toEqual([])
    expect(kernel.toText()).toBe(left)
    process.reconciler.openGate()
    await inSync(process)
    expect(deletedKinds(kernel.writes)).toEqual(['route', 'neighbour', 'fdb'])
    expect(kernel.toText()).not.toContain(peer(3).route.destination)
  })

  it('2, level-triggered: what is undone before it is written is never written', async () => {
    const { reconciler } = await running(2)
    reconciler.desired.set('peer 2', [])
    reconciler.desired.set('peer 3', resourcesOf(peer(3)))
    reconciler.desired.set('peer 3', [])
    reconciler.desired.set('peer 2', resourcesOf(peer(2)))
    await clock.advance(10 * SECOND)
    expect(kernel.writes).toEqual([])
  })

  describe('3, resync:', () => {
    it.each<[when: string, what: (kernel: FakeKernel) => void, within: number]>([
      ['on a notification', () => kernel.run('ip route del 10.99.0.32/28'), 100],
      [
        'on link up',
        () => {
          kernel.run('ip link set flannel.1 down')
          kernel.run('ip link set flannel.1 up')
        },
        100,
      ],
      [
        'on an overrun',
        () => {
          kernel.dropNotifications = true
          kernel.run('ip link del flannel.1')
          kernel.dropNotifications = false
          kernel.overrun()
        },
        100,
      ],
      [
        'on a timer, where every notification is lost',
        () => {
          kernel.dropNotifications = true
          kernel.run('ip link del flannel.1')
          kernel.run('ip route add 10.99.7.0/24 dev eth0 proto 157')
        },
        1.2 * MINUTE,
      ],
    ])('%s', async (_when, damage, within) => {
      const process = await running(2, 3)
      const before = kernel.toText()
      damage(kernel)
      expect(kernel.toText()).not.toBe(before)
      await clock.advanceUntil(() => kernel.toText() === before && process.reconciler.status.inSync, within)
      expect(process.drifts).not.toEqual([])
    })
  })

  it('4, dirty until proven: one that fails stops no other, is retried with backoff, and at once when its desired state changes', async () => {
    const process = await running()
    const tries: number[] = []
    const desired = peer(2).route
    const trouble = kernel.fail({
      errno: 'ENOBUFS',
      times: Number.POSITIVE_INFINITY,
      when: (request) => {
        if (request.type !== 'put' || request.resource.key !== desired.key) return false
        tries.push(clock.monotonic())
        return true
      },
    })
    process.reconciler.desired.set('peer 2', resourcesOf(peer(2)))
    process.reconciler.desired.set('peer 3', resourcesOf(peer(3)))
    await clock.advance(SECOND)
    expect(kernel.toText()).toContain(peer(3).route.destination)
    expect(process.reconciler.status.failures).toMatchObject([
      { key: desired.key, error: { errno: 'ENOBUFS' } },
    ])

    await clock.advance(5 * MINUTE)
    const waits = tries.slice(1).map((time, index) => time - (tries[index] ?? 0))
    expect(waits[0]).toBeLessThan(200)
    expect(waits.at(-1)).toBeGreaterThan(10 * SECOND)
    expect(tries.length).toBeLessThan(40)

    trouble.stop()
    process.reconciler.desired.set('peer 2', [
      ...resourcesOf(peer(2)).slice(0, 2),
      { ...desired, gateway: '10.99.0.33' },
    ])
    await clock.advance(50)
    expect(kernel.toText()).toContain(`${desired.destination} via 10.99.0.33`)
    expect(process.reconciler.status.failures).toEqual([])
  })

  it('5, bounded: a process that deletes in a loop meets a bounded number of repairs a second, and a drift event', async () => {
    const process = await running(2, 3, 4, 5)
    const fighter = kernel.fight(
      (request) => request.type === 'put' && request.resource.key === peer(2).route.key,
    )
    kernel.run(`ip route del ${peer(2).route.destination}`)
    await clock.advance(MINUTE)
    expect(fighter.strikes).toBeGreaterThan(10)
    expect(kernel.writes.length).toBeLessThan(40)
    expect(kernel.requests.length).toBeLessThan(300)
    expect(process.errors.filter(({ code }) => code === 'RESOURCE_CONTESTED')).toHaveLength(1)
    expect(process.drifts.flat()).toContainEqual({ key: peer(2).route.key, was: 'missing' })
    fighter.stop()
    await inSync(process)
    expect(kernel.toText()).toContain(peer(2).route.destination)
  })

  it('5, bounded: even if the other process deletes only what it sees', async () => {
    const process = await running(2)
    const { destination } = peer(2).route
    const seen = new AbortController()
    const fighting = (async () => {
      for await (const _ of until(seen.signal, () => clock.sleep(5, { signal: seen.signal }))) {
        if (kernel.toText().includes(destination)) kernel.run(`ip route del ${destination}`)
      }
    })()
    await clock.advance(MINUTE)
    expect(kernel.writes.length).toBeGreaterThan(10)
    expect(kernel.writes.length).toBeLessThan(40)
    expect(process.drifts.length).toBeGreaterThan(10)
    expect(process.errors).toMatchObject([{ code: 'RESOURCE_CONTESTED' }])
    seen.abort()
    await fighting
    await inSync(process)
    expect(kernel.toText()).toContain(destination)
  })

  it('5, bounded: two that desire one resource differently do not spin, and say so once', async () => {
    const one = await running(2, 3)
    const { route } = peer(2)
    const other = starting({
      local: LOCAL,
      ...peers(3),
      'peer 2': [...resourcesOf(peer(2)).slice(0, 2), { ...route, gateway: '10.99.0.33' }],
    })
    other.reconciler.openGate()
    await clock.advance(2 * MINUTE)
    for (const { errors } of [one, other]) {
      const contested = errors.filter(({ code }) => code === 'RESOURCE_CONTESTED')
      expect(contested.map(({ message }) => message)).toEqual([
        expect.stringContaining(`another program keeps changing ${route.key}`),
      ])
    }
    const counts = () => [one, other].flatMap(({ drifts }) => drifts.length)
    const before = [...counts(), kernel.writes.length]
    await clock.advance(10 * MINUTE)
    for (const [index, count] of [...counts(), kernel.writes.length].entries()) {
      expect(count - (before[index] ?? 0)).toBeLessThan(300)
    }

    // What others damage meanwhile is not part of the fight.
    const away = () => !kernel.toText().includes(peer(3).route.destination)
    kernel.run(`ip route del ${peer(3).route.destination}`)
    expect(away()).toBe(true)
    await clock.advanceUntil(() => !away(), 100)

    await other.stop()
    await inSync(one)
    await clock.advance(2 * MINUTE)
    kernel.run(`ip route del ${route.destination}`)
    await clock.advanceUntil(() => one.reconciler.status.inSync, 100)
    expect(kernel.toText()).toContain(`${route.destination} via ${route.gateway}`)
  })

  it('5, bounded: a write that succeeds and never holds is retried with backoff', async () => {
    const process = await running()
    let tries = 0
    process.driver.apply = async (operations) => {
      tries += 1
      return operations.map(() => ({ ok: true, stale: true }))
    }
    process.reconciler.desired.set('peer 2', resourcesOf(peer(2)))
    await clock.advance(MINUTE)
    expect(tries).toBeLessThan(40)
    expect(process.reconciler.status.failures).toHaveLength(3)
  })

  it('6, ownership: foreign state survives all that we do', async () => {
    const process = await running()
    for (const line of [
      'ip link add br0 type bridge',
      'ip link set br0 up',
      'ip addr add 10.99.64.1/24 dev br0',
      'ip route add 10.99.65.0/24 dev br0 proto bird',
      'ip route add 10.99.66.0/24 dev flannel.1 proto static',
      'ip route add 10.99.0.32/28 dev eth0 proto static metric 100',
      'ip neigh add 10.99.0.99 lladdr 02:cc:00:00:00:01 dev flannel.1 nud stale',
      'bridge fdb add 02:cc:00:00:00:02 dev flannel.1 dst 192.168.0.99 self dynamic',
    ]) {
      kernel.run(line)
    }
    const foreign = kernel.toText()
    process.reconciler.desired.set('peer 2', resourcesOf(peer(2)))
    process.reconciler.desired.set('peer 3', resourcesOf(peer(3)))
    await inSync(process)
    kernel.overrun()
    await inSync(process)
    process.reconciler.desired.set('peer 2', [])
    process.reconciler.desired.set('peer 3', [])
    await inSync(process)
    expect(kernel.toText()).toBe(foreign)
  })

  describe('7, links:', () => {
    it('a link that another process recreates is repaired, and every peer returns', async () => {
      const process = await running(2, 3)
      const before = kernel.toText()
      kernel.run('ip link del flannel.1')
      kernel.run('ip link add flannel.1 type vxlan id 9 dstport 4789')
      kernel.run('ip link set flannel.1 up')
      await clock.advanceUntil(() => kernel.toText() === before && process.reconciler.status.inSync, SECOND)
    })

    it('what cannot be changed in place: recreates the link, reads, then writes the peers', async () => {
      const process = await running(2)
      process.reconciler.desired.set('local', [otherVni(), ownAddress])
      await inSync(process)
      const [first, second, ...rest] = kernel.requests
      expect(first).toMatchObject({ type: 'put', resource: { kind: 'link' }, changed: true })
      expect(second?.type).toBe('snapshot')
      expect(putKinds(rest)).toEqual(['address', 'fdb', 'neighbour', 'route'])
      expect(kernel.toText()).toMatch(/flannel\.1 UP .* vxlan id 2 /)
    })

    it.each([
      ['MTU', device({ mtu: 1300 }), 'mtu 1300'],
      ['MAC', device({ macAddress: '02:aa:00:00:00:09' }), 'link/ether 02:aa:00:00:00:09'],
    ])('the %s changes in place', async (_what, desired, text) => {
      const process = await running(2)
      // Nothing puts this back if the link is recreated.
      kernel.run('bridge fdb add 02:cc:00:00:00:02 dev flannel.1 dst 192.168.0.99 self dynamic')
      process.reconciler.desired.set('local', [desired, ownAddress])
      await inSync(process)
      expect(kernel.toText()).toContain(text)
      expect(kernel.toText()).toContain('02:cc:00:00:00:02 dev flannel.1')
      expect(kernel.toText()).toContain(`${peer(2).neighbour.address} dev flannel.1 lladdr`)
    })
  })

  it('8, order: link, address, fdb and neighbour, route; puts before deletes; and the reverse', async () => {
    const process = starting({ ...peers(2, 3), local: LOCAL })
    process.reconciler.openGate()
    await inSync(process)
    expect(putKinds(kernel.writes)).toEqual(['link', 'address', 'fdb', 'neighbour', 'route'])
    kernel.requests.length = 0
    process.reconciler.desired.set('peer 2', [])
    process.reconciler.desired.set('peer 4', resourcesOf(peer(4)))
    await inSync(process)
    expect(kernel.writes.map(({ type }) => type)).toEqual(['put', 'put', 'put', 'delete', 'delete', 'delete'])
    kernel.requests.length = 0
    for (const owner of process.reconciler.desired.owners()) process.reconciler.desired.set(owner, [])
    await process.stop()
    const last = starting({})
    last.reconciler.openGate()
    await inSync(last)
    expect(deletedKinds(kernel.writes)).toEqual(['route', 'neighbour', 'fdb', 'address', 'link'])
  })

  describe('9, benign errors:', () => {
    it('what is gone before it is deleted, and there before it is put', async () => {
      const process = await running(2)
      kernel.dropNotifications = true
      kernel.run('ip route del 10.99.0.32/28')
      kernel.run('ip neigh del 10.99.0.32 dev flannel.1')
      kernel.run('bridge fdb del 02:bb:00:00:00:02 dev flannel.1 self')
      process.reconciler.desired.set('peer 2', [])
      kernel.run('ip neigh add 10.99.0.48 lladdr 02:bb:00:00:00:03 dev flannel.1 nud permanent')
      kernel.run('bridge fdb add 02:bb:00:00:00:03 dev flannel.1 dst 192.168.0.3 self permanent')
      process.reconciler.desired.set('peer 3', resourcesOf(peer(3)))
      await inSync(process, SECOND)
      expect(process.errors).toEqual([])
    })

    it.each([
      ['ENETDOWN', 'ip link set flannel.1 down'],
      ['ENODEV', 'ip link del flannel.1'],
    ])('%s means read again: all is back at once', async (errno, command) => {
      const process = await running(2)
      kernel.dropNotifications = true
      kernel.run(command)
      process.reconciler.desired.set('peer 3', resourcesOf(peer(3)))
      await inSync(process, 2 * SECOND)
      expect(kernel.writes).toContainEqual(expect.objectContaining({ errno }))
      expect(kernel.toText()).toContain(peer(2).route.destination)
      expect(kernel.toText()).toContain(peer(3).route.destination)
    })
  })

  it('10, interrupted dumps: repeated, and nothing follows from one that never ends', async () => {
    const process = await running(2)
    const before = kernel.toText()
    kernel.interruptDumps(3)
    process.reconciler.resync()
    await inSync(process)
    expect(kernel.writes).toEqual([])

    kernel.interruptDumps(Number.POSITIVE_INFINITY)
    kernel.run('ip route del 10.99.0.32/28')
    await clock.advance(MINUTE)
    expect(kernel.writes).toEqual([])
    expect(process.errors).toContainEqual(expect.objectContaining({ code: 'READ_INTERRUPTED' }))
    process.reconciler.desired.set('peer 3', resourcesOf(peer(3)))
    await clock.advance(SECOND)
    expect(kernel.toText()).toContain(peer(3).route.destination)

    kernel.heal()
    process.reconciler.desired.set('peer 3', [])
    await inSync(process)
    expect(kernel.toText()).toBe(before)
  })

  it('11, crash: what was half done is adopted or removed, and what was right is not touched', async () => {
    const desired = { local: LOCAL, ...peers(2, 3, 4) }
    const whole = await running(2, 3, 4)
    const after = kernel.toText()
    await whole.stop()
    const writes = LOCAL.length + 3 * 3
    for (let survived = 0; survived <= writes; survived += 1) {
      kernel = new FakeKernel({ clock })
      // A killed process, and before it one with a peer that has left since.
      const older = starting({ local: LOCAL, ...peers(9) })
      await clock.advance(SECOND)
      await older.stop()
      kernel.crash({ after: survived })
      starting(desired)
      await clock.advance(SECOND)
      const half = kernel.toText().split('\n')
      kernel.heal()
      kernel.requests.length = 0

      const next = starting(desired)
      next.reconciler.openGate()
      await inSync(next)
      expect(kernel.toText()).toBe(after)
      const kept = half.filter((line) => after.includes(line))
      expect(kept.length, `after ${survived} writes`).toBeGreaterThan(0)
      expect(kernel.writes.filter(({ changed, type }) => changed && type === 'delete')).toHaveLength(3)
      expect(
        kernel.writes.filter(({ type, resource }) => type === 'put' && resource.kind === 'link'),
      ).toEqual([])
    }
  })
})
