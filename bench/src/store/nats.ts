import { type Lab, until } from '@selvedge/lab'
import type { StoreServer } from './types.js'

/** The address of the lab's switch, and of NATS on it. */
export const SERVER = 'nats://192.168.77.254:4222'

/** The program: the one on the PATH, or another version for the same benchmarks. */
const PROGRAM = process.env.SELVEDGE_TEST_NATS ?? 'nats-server'

/** A nats-server with JetStream on the switch, once it answers. */
export async function nats({ directory, switch: network }: Lab): Promise<StoreServer> {
  const health = 'http://192.168.77.254:8222/healthz'
  const address = ['--addr', '192.168.77.254', '--port', '4222', '--http_port', '8222']
  const server = network.spawn(PROGRAM, [...address, '--jetstream', '--store_dir', `${directory}/nats`])
  server.stdout.resume()
  server.stderr.resume()
  await until('nats-server to answer', async () => {
    if (server.exitCode !== null) throw new Error(`${PROGRAM} ended with status ${server.exitCode}`)
    const answer = network.exec('curl', ['--silent', '--fail', health])
    return answer.then(() => true).catch(() => undefined)
  })
  const [, version = ''] = /v(\d\S+)/.exec(await network.exec(PROGRAM, ['--version'])) ?? []
  return { title: `NATS ${version}`, flags: [`-nats-servers=${SERVER}`] }
}
