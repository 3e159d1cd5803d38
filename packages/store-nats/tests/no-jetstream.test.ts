import { NatsSubnetManager } from '@selvedge/store-nats'
import { expect, test } from 'vitest'
import { NatsServer } from './nats-server.js'

const ACCOUNTS = `accounts {
  WITHOUT { users: [{ user: node, password: secret-of-node }] }
  SYS { users: [{ user: admin, password: secret-of-admin }] }
}
system_account: SYS`

test('an account without JetStream is told from a NATS that does not answer', async () => {
  await using nats = await NatsServer.start({ config: ACCOUNTS })
  await using manager = new NatsSubnetManager({
    servers: [nats.url],
    credentials: { username: 'node', password: 'secret-of-node' },
    patienceMs: 1,
  })
  await expect(manager.getNetworkConfig()).rejects.toMatchObject({
    code: 'STORE_UNAVAILABLE',
    message: expect.stringMatching(/NATS has no JetStream for this client at nats:.*JetStream not enabled/),
  })
})
