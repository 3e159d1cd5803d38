import { expect, onTestFinished, test, vi } from 'vitest'
import { ProbeSockets } from './probe-sockets.js'

const WITHIN = { timeout: 10_000, interval: 20 }

test('an address that this host may not send to costs its probes alone', async () => {
  const refused: string[] = []
  const onError = vi.fn()
  const sockets = new ProbeSockets({
    family: 4,
    address: '127.0.34.1',
    port: 38_476,
    onMessage: () => undefined,
    onRefused: (address) => refused.push(address),
    onError,
  })
  onTestFinished(() => sockets.close())
  await vi.waitFor(() => {
    // connect(2) refuses a broadcast address, as it does one that a blackhole route leads to.
    for (const address of ['255.255.255.255', '127.0.34.2']) sockets.send(Buffer.alloc(20), address, true)
    expect(refused).toContain('127.0.34.2')
  }, WITHIN)
  expect(refused).not.toContain('255.255.255.255')
  expect(onError).not.toHaveBeenCalled()
})
