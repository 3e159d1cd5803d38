import { until } from '@selvedge/lab'
import { expect, test } from 'vitest'
import { KubeRig } from './kube-rig.js'

/** Beyond each host's gateway: no host's own network contains it, but the overlay's does. */
const API_ADDRESS = '172.30.0.254'

const config = { Network: '172.16.0.0/12', Backend: { Type: 'vxlan' } }

/** What a Node publishes that claims to be a peer. */
const annotations = (n: number) => ({
  'public-ip': `192.168.77.${n}`,
  'backend-type': 'vxlan',
  'backend-data': JSON.stringify({ VNI: 1, VtepMAC: `02:00:00:00:00:${n}` }),
  'kube-subnet-manager': 'true',
})

test('a Node whose PodCIDR contains the API server cuts nobody off, nor does a start from the cache', async () => {
  await using rig = await KubeRig.create(config, { hosts: 1, apiAddress: `${API_ADDRESS}` })
  await rig.register(0, ['172.20.1.0/24'])
  const first = rig.start(0)
  await first.inSync()
  await rig.registerNode('evil-1', [`${API_ADDRESS}/32`], annotations(21))
  await rig.registerNode('evil-2', ['172.30.0.0/24'], annotations(22))
  for (const subnet of [`${API_ADDRESS}/32`, '172.30.0.0/24']) {
    const { msg } = await first.logged(
      new RegExp(`^the lease of ${subnet.replaceAll('.', '\\.')} .*gets no resources`),
    )
    expect(msg).toContain(`${API_ADDRESS}, at which kubernetes is reached`)
  }
  // One that comes after them is followed: the API server is still reached.
  await rig.registerNode('good', ['172.20.9.0/24'], annotations(29))
  const routes = () => rig.lab.host(0).ip('route', 'show', 'dev', 'flannel.1')
  await until('the route to a good peer', async () =>
    (await routes()).includes('172.20.9.0') ? true : undefined,
  )
  expect(await routes()).not.toContain('172.30.0.')
  expect(first.logs.filter(({ msg }) => msg.includes('unavailable'))).toEqual([])
  await first.stop()

  await rig.cluster.stopApiServer()
  const second = rig.start(0)
  await second.logged(/^kubernetes is unavailable: starting from the lease cache/)
  await second.logged(/^the lease of 172\.30\.0\.0\/24 .*gets no resources/)
  await second.ready()
  expect(await routes()).toContain('172.20.9.0')
  expect(await routes()).not.toContain('172.30.0.')
  await rig.cluster.startApiServer()
  await second.logged(/^kubernetes answers/, { timeout: 60_000 })
  await second.inSync()
  expect(await routes()).not.toContain('172.30.0.')
  expect((await second.stop()).status).toBe(0)
})
