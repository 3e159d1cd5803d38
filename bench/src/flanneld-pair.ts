import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseSubnetEnv } from '@selvedge/core'
import { type Host, type Lab, type Pod, until } from '@selvedge/lab'
import { ENDPOINT, startEtcd } from './store/etcd.js'

/** Starts an etcd, and a flanneld on each host of a lab; returns a pod on each. */
export async function startFlanneldPair(lab: Lab, program: string, config: object): Promise<readonly Pod[]> {
  await startEtcd(lab)
  await lab.switch.exec('etcdctl', [
    '--endpoints',
    ENDPOINT,
    'put',
    '/coreos.com/network/config',
    JSON.stringify(config),
  ])
  // One after the other: flanneld misses a peer that joins between its list and its watch.
  const pods: Pod[] = []
  for (const host of lab.hosts) pods.push(await startFlanneld(lab, host, program))
  return pods
}

async function startFlanneld(lab: Lab, host: Host, program: string): Promise<Pod> {
  const file = join(lab.directory, `${host.name}-flannel.env`)
  const flags = [`-etcd-endpoints=${ENDPOINT}`, `-subnet-file=${file}`, '-iface=eth0']
  const child = host.spawn(program, flags)
  let said = ''
  child.stdout.resume()
  child.stderr.setEncoding('utf8').on('data', (chunk) => {
    said += chunk
  })
  const { subnet = '', mtu = 0 } = await until(`flanneld on ${host.name} to write ${file}`, async () => {
    if (child.exitCode !== null) throw new Error(`flanneld has ended:\n${said}`)
    return readFile(file, 'utf8').then(parseSubnetEnv, () => undefined)
  })
  return host.addPod({ subnets: [subnet], mtu })
}
