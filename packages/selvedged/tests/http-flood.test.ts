import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { until } from '@selvedge/lab'
import { expect, test } from 'vitest'
import { Rig, vxlanConfig } from './rig.js'

const PORT = 10_256
const FLOOD = fileURLToPath(new URL('slow-clients.mjs', import.meta.url))

/** How many descriptors the process may have: far fewer than there are clients. */
const MAX_DESCRIPTORS = 192

test('hundreds of slow clients keep neither health checks out nor etcd', async () => {
  await using rig = await Rig.create(vxlanConfig, { hosts: 1 })
  const limit = ['prlimit', `--nofile=${MAX_DESCRIPTORS}:${MAX_DESCRIPTORS}`]
  const agent = rig.start(0, { args: [`--healthz-port=${PORT}`], wrapper: limit })
  await agent.inSync()
  const descriptors = async () => (await readdir(`/proc/${agent.pid}/fd`)).length
  const before = await descriptors()
  const clients = agent.host.spawn(process.execPath, [FLOOD, String(PORT)])
  clients.stderr.resume()
  await once(clients.stdout, 'data')

  let most = 0
  const watching = setInterval(async () => {
    most = Math.max(most, await descriptors())
  }, 20)
  try {
    // etcd restarts: a new connection to it takes a new descriptor.
    await rig.etcd.kill()
    await agent.logged(/^etcd .*is unavailable/)
    await rig.etcd.start()
    await agent.logged(/^etcd .*is back/)
    const attributes = {
      PublicIP: '192.168.77.9',
      BackendType: 'vxlan',
      BackendData: { VNI: 1, VtepMAC: '02:00:00:00:00:09' },
    }
    await rig.etcd.put('10.244.9.0-24', JSON.stringify(attributes))
    await until('the route to a new peer', async () =>
      (await agent.host.ip('route')).includes('10.244.9.0/24') ? true : undefined,
    )
    for (const path of ['/healthz', '/readyz', '/metrics'])
      expect(await agent.get(PORT, path)).toMatch(/^200 /)
  } finally {
    clearInterval(watching)
  }
  expect(most).toBeGreaterThan(before + 90)
  expect(most).toBeLessThan(before + 110)
  expect(clients.exitCode).toBe(null)
  expect((await agent.stop()).status).toBe(0)
})
