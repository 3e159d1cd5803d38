import type { OverlayError } from '@selvedge/core'
import { NatsSubnetManager } from '@selvedge/store-nats'
import { expect, test } from 'vitest'

/** tcpmux: nothing listens there. */
const SERVER = 'nats://127.0.0.1:1'

test('why the network config is waited for is said at the first refusal, while the call goes on asking', async () => {
  await using subnets = new NatsSubnetManager({ servers: [SERVER], patienceMs: 600_000 })
  const stop = new AbortController()
  const why = await new Promise<OverlayError>((onWaiting, reject) => {
    subnets.getNetworkConfig({ signal: stop.signal, onWaiting }).catch(reject)
  })
  expect(why).toMatchObject({ code: 'STORE_UNAVAILABLE', message: expect.stringContaining('127.0.0.1:1') })
  stop.abort()
})
