import { type Lab, until } from '@selvedge/lab'
import type { StoreServer } from './types.js'

/** The address of the lab's switch, and of etcd on it. */
export const ENDPOINT = 'http://192.168.77.254:2379'

/** Starts an etcd on the switch, and waits until it answers. */
export async function startEtcd({ directory, switch: network }: Lab): Promise<void> {
  const etcd = network.spawn('etcd', [
    ...[
      '--data-dir',
      `${directory}/etcd`,
      '--listen-client-urls',
      ENDPOINT,
      '--advertise-client-urls',
      ENDPOINT,
    ],
    ...['--listen-peer-urls', 'http://127.0.0.1:2380', '--log-level', 'error'],
  ])
  etcd.stdout.resume()
  etcd.stderr.resume()
  await until('etcd to answer', async () => {
    if (etcd.exitCode !== null) throw new Error(`etcd ended with status ${etcd.exitCode}`)
    const answer = network.exec('sh', ['-c', `ETCDCTL_API=3 etcdctl --endpoints ${ENDPOINT} endpoint health`])
    return answer.then(() => true).catch(() => undefined)
  })
}

/** An etcd on the switch. */
export async function etcd(lab: Lab): Promise<StoreServer> {
  await startEtcd(lab)
  const [, version = ''] = /etcd Version: (\S+)/.exec(await lab.switch.exec('etcd', ['--version'])) ?? []
  return { title: `etcd ${version}`, flags: [`-etcd-endpoints=${ENDPOINT}`] }
}
