import type { Bench } from '../bench.js'
import type { Fault } from '../fault.js'
import { free, lease, startAgent } from './records.js'

/** Writes a record that ends in forty minutes: an agent renews it an hour before its end. */
async function putEnding(bench: Bench, key: string, value: string): Promise<void> {
  const granted = await bench.etcdctl('lease', 'grant', '2400')
  const [, id] = /lease (\w+) granted/.exec(granted) ?? []
  await bench.etcdctl('put', `--lease=${id}`, `/coreos.com/network/subnets/${key}`, value)
}

/** Of leases that are not renewed in time. */
export const LEASE: readonly Fault[] = [
  {
    name: 'the lease should have been renewed, and no agent runs',
    id: 'store.lease-overdue',
    says: /the lease 10\.244\.\d+\.0-24 ends in (?:40m|39m \d+s), and its renewal has been due for 20m.*: no agent runs/,
    inject: async (bench) => {
      await bench.agent.kill()
      const key = bench.subnet.replace('/', '-')
      await putEnding(bench, key, (await bench.rig.etcd.leases()).get(key) ?? '')
    },
    mend: startAgent,
  },
  {
    name: 'a peer’s agent does not renew its lease',
    id: 'store.peers-overdue',
    says: /1 peer's lease ends soon, .*: 10\.244\.7\d\.0-24 of 192\.168\.77\.200 in (?:40m|39m)/,
    inject: (bench) => putEnding(bench, free(bench), lease('192.168.77.200')),
    mend: (bench) => bench.rig.etcd.delete(free(bench)),
  },
]
