import { OverlayError } from '@selvedge/core'
import { expect, test } from 'vitest'
import { readCommandLine } from './command-line/command-line.js'
import type { AgentSettings } from './command-line/settings.js'
import { NodeAddresses } from './node-addresses.js'

function settings(): AgentSettings {
  const command = readCommandLine(['--public-ip=192.0.2.1'], {})
  if (command.type !== 'run') throw new Error()
  return command.settings
}

/** A store that answers each read by the next of these. */
function addresses(...answers: ({ publicIp?: string; publicIpv6?: string } | Error)[]) {
  const abort = new AbortController()
  const logged: string[] = []
  const node = new NodeAddresses({
    read: async () => {
      const answer = answers.shift() ?? expect.unreachable('asked more often than expected')
      if (answer instanceof Error) throw answer
      return answer
    },
    log: (_, message) => logged.push(message),
    restart: () => abort.abort(new Error('restart')),
  })
  return { node, signal: abort.signal, logged }
}

const unavailable = new OverlayError('STORE_UNAVAILABLE', 'no answer')

test('what the store assigns to the node outranks the flags, and is read once', async () => {
  const { node, signal } = addresses({ publicIp: '203.0.113.8' })
  expect(await node.applyTo(settings(), signal)).toEqual({ ...settings(), publicIp: '203.0.113.8' })
  await node.check(signal)
})

test('if it assigns nothing, the flags count', async () => {
  const { node, signal } = addresses({})
  expect(await node.applyTo(settings(), signal)).toEqual(settings())
  const silent = new NodeAddresses({ read: undefined, log: () => {}, restart: () => expect.unreachable() })
  expect(await silent.applyTo(settings(), signal)).toEqual(settings())
  await silent.check(signal)
})

test('a store that is unavailable does not delay the start; what it assigns later causes a restart', async () => {
  const { node, signal, logged } = addresses(unavailable, unavailable, { publicIp: '203.0.113.8' })
  expect(await node.applyTo(settings(), signal)).toEqual(settings())
  await node.check(signal)
  expect(signal.aborted).toBe(false)
  await expect(node.check(signal)).rejects.toThrow('restart')
  expect(logged).toEqual(['the store assigns another address to this node: restarting'])
})

test('a store that is unavailable, and later assigns nothing, changes nothing', async () => {
  const { node, signal } = addresses(unavailable, {}, {})
  await node.applyTo(settings(), signal)
  await node.check(signal)
  await node.check(signal)
  expect(signal.aborted).toBe(false)
})

test('what an operator corrects before another attempt to start counts', async () => {
  const { node, signal } = addresses({ publicIp: '203.0.113.8' }, { publicIp: '203.0.113.8' }, {})
  await node.applyTo(settings(), signal)
  await node.check(signal)
  await node.check(signal)
  expect(signal.aborted).toBe(false)
  await expect(node.check(signal)).rejects.toThrow('restart')
})

test('what an operator changes while it runs causes a restart, and nothing else does', async () => {
  const { node, signal, logged } = addresses({ publicIp: '203.0.113.8' })
  await node.applyTo(settings(), signal)
  node.observe({ publicIp: '203.0.113.8' })
  expect(signal.aborted).toBe(false)
  node.observe({ publicIp: '203.0.113.8', publicIpv6: 'fd77::8' })
  expect(signal.aborted).toBe(true)
  expect(logged).toHaveLength(1)
})
