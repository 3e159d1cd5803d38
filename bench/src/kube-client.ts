/**
 * Runs beside an agent, in the namespace of its API server:
 *
 *     kube-client.js URL CA TOKEN-FILE load COUNT      registers so many nodes, with what flannel publishes for each;
 *                                                      prints the size of one as the API server returns it, in bytes
 *     kube-client.js URL CA TOKEN-FILE register NAME   registers a node without annotations, in place of one of that
 *                                                      name
 */
import { readFileSync } from 'node:fs'
import type { Lease } from '@selvedge/core'
import { AdminApi } from '@selvedge/lab'
import { OWN_SUBNET, peerLease } from './peers.js'
import { nodeName, realisticNode } from './realistic-node.js'

const NODES = '/api/v1/nodes'
const PREFIX = 'flannel.alpha.coreos.com'
/** Concurrent requests. */
const CREATORS = 8

const [url = '', caFile = '', tokenFile = '', command = '', argument = ''] = process.argv.slice(2)
const api = new AdminApi(url, caFile, readFileSync(tokenFile, 'utf8'))

async function load(count: number): Promise<void> {
  let next = 0
  const create = async () => {
    for (let n = next++; n < count; n = next++) {
      const lease = peerLease(n)
      await api.post(NODES, realisticNode(n, nodeName(n), lease.subnet ?? '', annotations(lease)))
    }
  }
  await Promise.all(Array.from({ length: CREATORS }, create))
  const one = await api.get(`${NODES}/${nodeName(0)}`)
  process.stdout.write(`${JSON.stringify(one).length}\n`)
}

async function register(name: string): Promise<void> {
  const { status } = await api.send('DELETE', `${NODES}/${name}`)
  if (status !== 200 && status !== 404) throw new Error(`deleting node ${name}: ${status}`)
  await api.post(NODES, realisticNode(65_535, name, OWN_SUBNET))
}

const annotations = ({ attributes }: Lease) => ({
  [`${PREFIX}/kube-subnet-manager`]: 'true',
  [`${PREFIX}/backend-type`]: attributes.backendType ?? '',
  [`${PREFIX}/backend-data`]: JSON.stringify(attributes.backendData),
  [`${PREFIX}/public-ip`]: attributes.publicIp ?? '',
})

try {
  if (command === 'load') await load(Number(argument))
  else if (command === 'register') await register(argument)
  else throw new TypeError(`no command '${command}'`)
} finally {
  api.close()
}
