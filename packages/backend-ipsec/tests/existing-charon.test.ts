import { once } from 'node:events'
import { join } from 'node:path'
import { Lab, Network, pingUntilReached, until } from '@selvedge/lab'
import { expect, test } from 'vitest'
import { kernelHasEsp } from '../src/index.js'
import { captureAll, plainBetween } from './charon.js'
import { startCharon } from './flannel-host.js'

/** The test runs on any kernel; its name says who encrypts. */
const isKernels = await kernelHasEsp()
const HOW = isKernels ? 'by the kernel' : 'by charon: the kernel has no ESP'

const config = { Network: '10.244.0.0/16', Backend: { Type: 'ipsec', PSK: 'sEcReT'.repeat(16) } }
const VICI_URI = 'tcp://127.0.0.1:4502'

/** For a process of its own, in the host's namespace, where charon listens. */
const LIST_CONNECTIONS = `
  import { ViciClient } from ${JSON.stringify(new URL('../dist/vici/client.js', import.meta.url))}
  const client = await ViciClient.open('${VICI_URI}')
  console.log(JSON.stringify(await client.stream('list-conns', 'list-conn')))
  client[Symbol.dispose]()
`

test(`${HOW}: a host whose charon is its operator's, at ${VICI_URI}, joins, and again after that charon's restart`, async () => {
  await using lab = await Lab.create({ hosts: 2 })
  const host = lab.host(0)
  const folder = join(lab.directory, 'charon')
  const start = async () => {
    const child = await startCharon(host, folder, !isKernels, VICI_URI)
    await until('charon to listen', async () => {
      const listening = await host.exec('ss', ['-Hltn', 'sport = 4502'])
      return listening.includes('127.0.0.1:4502') || undefined
    })
    return child
  }
  const charon = await start()
  const network = await Network.create(lab, config, { viciUri: { [host.name]: VICI_URI } })
  const [first, second] = await network.joinAll()
  if (first === undefined || second === undefined) throw new RangeError('two hosts')
  const capture = await captureAll(lab)
  const bothWays = async () => {
    await pingUntilReached(first.pod, `${second.pod.addresses[0]}`, { timeout: 30_000 })
    await pingUntilReached(second.pod, `${first.pod.addresses[0]}`, { timeout: 30_000 })
  }
  await bothWays()
  const ended = once(charon, 'close')
  charon.kill('SIGKILL')
  await ended
  // It begins without connections and secrets, which are put back; the kernel may still have its tunnels.
  await start()
  await until('the connection to be loaded', async () => {
    const listed = await host.exec(process.execPath, ['--input-type=module', '-e', LIST_CONNECTIONS])
    return listed.includes(`${first.lease.subnet}-${second.lease.subnet}`) || undefined
  })
  await bothWays()
  expect(plainBetween(await capture.stop(), first.pod, second.pod)).toBe(0)
})
