import type { Bench } from '../bench.js'
import type { Fault } from '../fault.js'
import { startAgent } from './records.js'

/** Writes this host's lease as it is, to end in ten minutes. */
async function shorten(bench: Bench): Promise<void> {
  const key = bench.subnet.replace('/', '-')
  const value = (await bench.rig.etcd.leases()).get(key)
  if (value === undefined) throw new Error(`no lease ${key}`)
  const granted = await bench.etcdctl('lease', 'grant', '600')
  const [, id] = /lease (\w+) granted/.exec(granted) ?? []
  await bench.etcdctl('put', `--lease=${id}`, `/coreos.com/network/subnets/${key}`, value)
}

/** Of a host's lease, and of what it knows of the others'. */
export const RENEWAL: readonly Fault[] = [
  {
    name: 'the lease ends in ten minutes, and no agent renews it',
    id: 'store.lease-ends',
    says: /10\.244\.\d+\.0-24 ends in [56]\d\d s/,
    inject: async (bench) => {
      await bench.agent.kill()
      await shorten(bench)
    },
    mend: startAgent,
  },
  {
    name: 'etcd was down when the agent started: it goes by what it knew',
    id: 'store.stale',
    says: /has not heard from etcd/,
    inject: async (bench) => {
      await bench.agent.kill()
      await bench.rig.etcd.kill()
      bench.beginAgent()
      await bench.agent.ready()
    },
    mend: (bench) => bench.rig.etcd.start(),
  },
  {
    name: 'another program has made a device with the same VNI, and deleted the agent’s',
    id: 'agent.refused-entries',
    says: /flannel\.1.*other0|flannel\.1.*exist/i,
    inject: async (bench) => {
      bench.agent.signal('SIGSTOP')
      await bench.sh('ip link delete flannel.1; ip link add other0 type vxlan id 1 dstport 8472 dev eth0')
      bench.agent.signal('SIGCONT')
    },
    mend: (bench) => bench.sh('ip link delete other0'),
  },
]
