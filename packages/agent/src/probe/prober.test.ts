/** Probers on loopback: 127.0.0.0/8 has addresses enough. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import type { Clock } from '@selvedge/core'
import { systemClock } from '@selvedge/core/kit'
import { expect, onTestFinished, test, vi } from 'vitest'
import { encodeDatagram } from './datagram.js'
import { pathName } from './path-name.js'
import { Prober } from './prober.js'
import { encodeRowQuestion } from './row-datagram.js'

const WITHIN = { timeout: 10_000, interval: 20 }
const PORT = 38_475

function start(own: string, peers: readonly string[], clock: Clock = systemClock): Prober {
  const prober = new Prober({
    clock,
    random: Math.random,
    port: PORT,
    onChanges: () => {},
    onError: () => {},
  })
  onTestFinished(() => prober[Symbol.dispose]())
  prober.update([own], peers)
  return prober
}

test('two probers reach each other, and take a host without one for reachable by its refusal', async () => {
  const one = start('127.0.31.1', ['127.0.31.2', '127.0.31.3'])
  const two = start('127.0.31.2', ['127.0.31.1'])
  await vi.waitFor(() => {
    expect(one.report('127.0.31.2')).toMatchObject({ state: 'reachable', responds: true })
    expect(two.report('127.0.31.1')).toMatchObject({ state: 'reachable', responds: true })
    expect(one.report('127.0.31.3')).toMatchObject({ state: 'reachable', responds: false })
  }, WITHIN)
  two[Symbol.dispose]()
  await vi.waitFor(() => {
    expect(one.report('127.0.31.2')).toMatchObject({ state: 'reachable', responds: false })
  }, WITHIN)
})

test('a process that is late at every turn probes all the same', async () => {
  let late = 0
  const clock: Clock = {
    now: () => systemClock.now(),
    monotonic: () => systemClock.monotonic() + late,
    sleep: async (ms, options) => {
      await systemClock.sleep(ms, options)
      late += 150
    },
  }
  const one = start('127.0.31.5', ['127.0.31.6'], clock)
  start('127.0.31.6', ['127.0.31.5'], clock)
  await vi.waitFor(
    () => expect(one.report('127.0.31.6')).toMatchObject({ state: 'reachable', responds: true }),
    WITHIN,
  )
})

test('an address that this host does not have is an error', async () => {
  const onError = vi.fn()
  const options = { clock: systemClock, random: Math.random, port: PORT, onChanges: () => {} }
  const prober = new Prober({ ...options, onError })
  onTestFinished(() => prober[Symbol.dispose]())
  prober.update(['192.0.2.1'], ['192.0.2.2'])
  await vi.waitFor(() => expect(onError).toHaveBeenCalledTimes(1), WITHIN)
  expect(onError.mock.calls[0]).toEqual(['192.0.2.1', expect.objectContaining({ code: 'EADDRNOTAVAIL' })])
})

test('a peer says what it has found about all of its peers, once it is asked', async () => {
  const one = start('127.0.33.1', ['127.0.33.2'])
  const two = start('127.0.33.2', ['127.0.33.1', '127.0.33.3'])
  await vi.waitFor(() => {
    for (const peer of ['127.0.33.1', '127.0.33.3']) {
      expect(two.report(peer)).toMatchObject({ state: 'reachable' })
    }
  }, WITHIN)
  expect(one.rowOf('127.0.33.2')).toBeUndefined()
  await vi.waitFor(() => {
    one.wantRows()
    const { paths, entries } = one.rowOf('127.0.33.2')?.row ?? {}
    expect(paths).toBe(2)
    expect(entries).toContainEqual({
      ...pathName('127.0.33.1'),
      report: expect.objectContaining({ state: 'reachable', loss: 0 }),
    })
    expect(entries?.map(({ name }) => name)).toContain(pathName('127.0.33.3').name)
  }, WITHIN)
})

test('what strangers send, and what is no probe, is counted and gets no answer', async () => {
  const prober = start('127.0.32.1', ['127.0.32.2'])
  const stranger = createSocket('udp4')
  onTestFinished(() => void stranger.close())
  stranger.bind({ address: '127.0.32.9', port: 0 })
  await once(stranger, 'listening')
  const answers: Buffer[] = []
  stranger.on('message', (bytes) => answers.push(bytes))
  const question = encodeDatagram({ kind: 'question', nonce: 1n, heardAgeMs: 0 })
  await vi.waitFor(() => {
    for (const bytes of [
      question,
      encodeRowQuestion(1n),
      Buffer.from('GET / HTTP/1.1'),
      Buffer.alloc(9_000),
    ]) {
      stranger.send(bytes, PORT, '127.0.32.1')
    }
    expect(prober.dropped['unknown-source']).toBeGreaterThan(1)
    expect(prober.dropped.malformed).toBeGreaterThan(1)
  }, WITHIN)
  expect(answers).toEqual([])
  expect(prober.report('127.0.32.9')).toBeUndefined()
})
