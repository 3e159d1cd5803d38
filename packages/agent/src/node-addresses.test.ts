import { OverlayError } from '@selvedge/core'
import { expect, test } from 'vitest'
import { readCommandLine } from './command-line/command-line.js'
import type { AgentSettings } from './command-line/settings.js'
import { NodeAddresses } from './node-addresses.js'

function settings(): AgentSettings {
  const command = readCommandLine(['--public-ip=192.0.2.1', '--iptables-forward-rules=false'], {})
  if (command.type !== 'run') throw new Error()
  return command.settings
}

/** A store that answers each look by the next of these. */
function addresses(...answers: ({ publicIp?: string; publicIpv6?: string } | Error)[]) {
  const abort = new AbortController()
  const told: string[] = []
  const node = new NodeAddresses({
    read: async () => {
      const answer = answers.shift() ?? expect.unreachable('asked more often than it was to be')
      if (answer instanceof Error) throw answer
      return answer
    },
    log: (_, message) => told.push(message),
    startAnew: () => abort.abort(new Error('anew')),
  })
  return { node, signal: abort.signal, told }
}

const away = new OverlayError('STORE_UNAVAILABLE', 'nobody answers')

test('what the store says of the node outranks the flags, and is asked once', async () => {
  const { node, signal } = addresses({ publicIp: '203.0.113.8' })
  expect(await node.applyTo(settings(), signal)).toEqual({ ...settings(), publicIp: '203.0.113.8' })
  await node.check(signal)
})

test('where it says nothing, the flags stand', async () => {
  const { node, signal } = addresses({})
  expect(await node.applyTo(settings(), signal)).toEqual(settings())
  const silent = new NodeAddresses({ read: undefined, log: () => {}, startAnew: () => expect.unreachable() })
  expect(await silent.applyTo(settings(), signal)).toEqual(settings())
  await silent.check(signal)
})

test('a store that is away does not hold the start up; what it says later starts it anew', async () => {
  const { node, signal, told } = addresses(away, away, { publicIp: '203.0.113.8' })
  expect(await node.applyTo(settings(), signal)).toEqual(settings())
  await node.check(signal)
  expect(signal.aborted).toBe(false)
  await expect(node.check(signal)).rejects.toThrow('anew')
  expect(told).toEqual(['the store says that this node has another address: starting anew'])
})

test('a store that is away and has nothing to say later changes nothing', async () => {
  const { node, signal } = addresses(away, {}, {})
  await node.applyTo(settings(), signal)
  await node.check(signal)
  await node.check(signal)
  expect(signal.aborted).toBe(false)
})

test('what people correct before a further attempt to start counts', async () => {
  const { node, signal } = addresses({ publicIp: '203.0.113.8' }, { publicIp: '203.0.113.8' }, {})
  await node.applyTo(settings(), signal)
  await node.check(signal)
  await node.check(signal)
  expect(signal.aborted).toBe(false)
  await expect(node.check(signal)).rejects.toThrow('anew')
})

test('what people change while it runs starts it anew, and nothing else does', async () => {
  const { node, signal, told } = addresses({ publicIp: '203.0.113.8' })
  await node.applyTo(settings(), signal)
  node.observe({ publicIp: '203.0.113.8' })
  expect(signal.aborted).toBe(false)
  node.observe({ publicIp: '203.0.113.8', publicIpv6: 'fd77::8' })
  expect(signal.aborted).toBe(true)
  expect(told).toHaveLength(1)
})
