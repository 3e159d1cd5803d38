import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { OverlayError } from '@selvedge/core'
import { type KernelResource, route as makeRoute, Reconciler, systemClock } from '@selvedge/core/kit'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { linux } from '../src/index.js'
import { TestNamespace, until } from './namespace.js'
import { peer, SCOPE, vxlan } from './overlay-samples.js'

const LIMIT_MS = 60_000

let namespace: TestNamespace
let ends: (() => Promise<void>)[]

beforeEach(() => {
  namespace = new TestNamespace()
  ends = []
  namespace.addExternalInterface('192.168.0.1/24')
})

afterEach(async () => {
  for (const end of ends.reverse()) await end()
  namespace[Symbol.dispose]()
})

/** Holds these, as one overlay does, until the test ends or it is stopped. */
async function holding(...resources: readonly KernelResource[]) {
  const driver = linux({ namespace: namespace.path, interface: 'eth0' })
  const stop = new AbortController()
  const errors: OverlayError[] = []
  const reconciler = new Reconciler({
    drivers: [driver],
    clock: systemClock,
    random: Math.random,
    resyncIntervalMs: 60_000,
    scope: () => SCOPE,
    onError: (error) => errors.push(error),
  })
  reconciler.desired.set('this node', resources)
  reconciler.openGate()
  const running = reconciler.run(stop.signal)
  const end = async (): Promise<void> => {
    stop.abort()
    await running
    await driver[Symbol.asyncDispose]()
  }
  ends.push(end)
  await until('it is in sync', () => reconciler.status.inSync, LIMIT_MS)
  const contested = () => errors.filter(({ code }) => code === 'RESOURCE_CONTESTED')
  return { reconciler, contested, end }
}

test('a program that goes on deleting a route is named once, and the rest is restored meanwhile', async () => {
  const [route, other] = [peer(1).route, peer(2).route]
  const { reconciler, contested } = await holding(vxlan(), route, other)
  const ip = spawn('ip', ['-n', namespace.name, '-force', '-batch', '-'], {
    stdio: ['pipe', 'ignore', 'ignore'],
    timeout: 2 * LIMIT_MS,
  })
  const ended = once(ip, 'exit')
  const deleting = setInterval(() => ip.stdin.write(`route del ${route.destination}\n`), 2)
  ends.push(async () => {
    clearInterval(deleting)
    ip.stdin.end()
    await ended
  })
  await until('it is reported', () => contested().length > 0, LIMIT_MS)
  expect(contested()[0]?.message).toContain(
    `another program keeps changing ${route.key}: ip (process ${ip.pid})`,
  )

  const isThere = ({ destination }: { destination: string }) => namespace.ip('route').includes(destination)
  namespace.ip(`route del ${other.destination}`)
  await until('the other route is back', () => isThere(other), LIMIT_MS)
  clearInterval(deleting)
  await until('the route is back', () => reconciler.status.inSync && isThere(route), LIMIT_MS)
  expect(contested()).toHaveLength(1)
})

test('two in one process that desire one route differently say which process that is', async () => {
  const { route } = peer(1)
  const one = await holding(vxlan(), route)
  const two = await holding(vxlan(), peer(2).route)
  two.reconciler.desired.set('peer', [
    makeRoute({ destination: route.destination, gateway: '10.0.9.0', device: 'flannel.1', onLink: true }),
  ])
  await until('both report it', () => one.contested().length + two.contested().length >= 2, LIMIT_MS)
  const messages = [...one.contested(), ...two.contested()].map(({ message }) => message)
  expect(messages).toContainEqual(expect.stringContaining('this process itself keeps changing'))
  await two.end()
  await until('the other is in sync', () => one.reconciler.status.inSync, LIMIT_MS)
})
