import { once } from 'node:events'
import { until } from '@selvedge/lab'
import { expect, test } from 'vitest'
import type { Selvedged } from '../selvedged.js'
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

/** The port of a balancer on a node, by which it reaches the API server, as with kubespray, k3s and rke2. */
const BALANCER_PORT = 6443

/** Accepts connections on loopback, and passes on what comes to `argv[2]:argv[3]`. */
const BALANCER = `
  const { connect, createServer } = require('node:net')
  const [, host, port] = process.argv
  createServer((client) => {
    const server = connect(port, host)
    client.on('error', () => server.destroy()).pipe(server)
    server.on('error', () => client.destroy()).pipe(client)
  }).listen(${BALANCER_PORT}, '127.0.0.1', () => console.log('ready'))
`

async function startBalancer({ lab, cluster }: KubeRig, index: number): Promise<string> {
  const { hostname, port } = new URL(cluster.url)
  const child = lab.host(index).spawn(process.execPath, ['-e', BALANCER, hostname, port])
  await once(child.stdout, 'data')
  return `--kube-api-url=https://127.0.0.1:${BALANCER_PORT}`
}

test('a Node whose PodCIDR contains the API server cuts nobody off, nor does a start from the cache', async () => {
  await using rig = await KubeRig.create(config, { hosts: 2, apiAddress: API_ADDRESS })
  // The second host's connections show another address, as those to the service `kubernetes` do.
  const argsOf = [[], [await startBalancer(rig, 1)]]
  const start = () => rig.lab.hosts.map((_, index) => rig.start(index, { args: argsOf[index] ?? [] }))
  const all = async <T>(agents: readonly T[], work: (agent: T) => Promise<unknown>) =>
    void (await Promise.all(agents.map(work)))
  const routes = (agent: Selvedged) => agent.host.ip('route', 'show', 'dev', 'flannel.1')
  await rig.register(0, ['172.20.1.0/24'])
  await rig.register(1, ['172.20.2.0/24'])
  const first = start()
  await all(first, (agent) => agent.inSync())
  await rig.registerNode('evil-1', [`${API_ADDRESS}/32`], annotations(21))
  await rig.registerNode('evil-2', ['172.30.0.0/24'], annotations(22))
  await all(first, async (agent) => {
    for (const subnet of [`${API_ADDRESS}/32`, '172.30.0.0/24']) {
      const { msg } = await agent.logged(
        new RegExp(`^the lease of ${subnet.replaceAll('.', '\\.')} .*gets no resources`),
      )
      expect(msg).toContain(`${API_ADDRESS}, at which kubernetes is reached`)
    }
  })
  // One that comes after them is followed: the API server is still reached.
  await rig.registerNode('good', ['172.20.9.0/24'], annotations(29))
  await all(first, async (agent) => {
    await until('the route to a good peer', async () =>
      (await routes(agent)).includes('172.20.9.0') ? true : undefined,
    )
    expect(await routes(agent)).not.toContain('172.30.0.')
    expect(agent.logs.filter(({ msg }) => msg.includes('unavailable'))).toEqual([])
    await agent.stop()
  })

  await rig.cluster.stopApiServer()
  const second = start()
  await all(second, async (agent) => {
    await agent.logged(/^kubernetes is unavailable: starting from the lease cache/)
    await agent.logged(/^the lease of 172\.30\.0\.0\/24 .*gets no resources/)
    await agent.ready()
    expect(await routes(agent)).toContain('172.20.9.0')
    expect(await routes(agent)).not.toContain('172.30.0.')
  })
  await rig.cluster.startApiServer()
  await all(second, async (agent) => {
    await agent.logged(/^kubernetes answers/, { timeout: 60_000 })
    await agent.inSync()
    expect(await routes(agent)).not.toContain('172.30.0.')
    expect((await agent.stop()).status).toBe(0)
  })
})
