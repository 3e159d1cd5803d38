import type { Bench } from '../bench.js'
import type { Fault } from '../fault.js'
import { free, lease } from './records.js'

const CONFIG = '/coreos.com/network/config'
const putConfig = (config: object) => (bench: Bench) => bench.rig.etcd.putConfig(config)
const vxlan = { Network: '10.244.0.0/16', Backend: { Type: 'vxlan' } }

/** Of the store, and of what is in it. */
export const STORE: readonly Fault[] = [
  {
    name: 'etcd is down',
    id: 'store.unreachable',
    says: /etcd at http:\/\/192\.168\.77\.254:2379/,
    inject: (bench) => bench.rig.etcd.kill(),
    mend: (bench) => bench.rig.etcd.start(),
  },
  {
    name: 'etcd does not answer',
    id: 'store.unreachable',
    says: /no answer in|timed out|deadline/i,
    inject: async (bench) => bench.rig.etcd.freeze(),
    mend: async (bench) => {
      await bench.rig.etcd.kill()
      await bench.rig.etcd.start()
    },
  },
  {
    name: 'the network config is gone',
    id: 'store.no-config',
    says: /no network config/,
    inject: (bench) => bench.etcdctl('del', CONFIG),
    mend: putConfig(vxlan),
  },
  {
    name: 'the network config is no config',
    id: 'store.invalid-config',
    says: /10\.244\.0\.0\/99/,
    inject: putConfig({ Network: '10.244.0.0/99' }),
    mend: putConfig(vxlan),
  },
  {
    name: 'the network config was changed, and no agent restarted',
    id: 'store.config-not-in-force',
    says: /host-gw/,
    inject: putConfig({ Network: '10.244.0.0/16', Backend: { Type: 'host-gw' } }),
    mend: putConfig(vxlan),
  },
  {
    name: 'the network contains the addresses of the hosts',
    id: 'store.overlap',
    says: /192\.168\.0\.0\/16 overlaps 192\.168\.77\.1\/24 of eth0/,
    inject: putConfig({ Network: '192.168.0.0/16', Backend: { Type: 'vxlan' } }),
    mend: putConfig(vxlan),
  },
  {
    name: 'all subnets are leased',
    id: 'store.full',
    says: /2 of 1 subnets/,
    inject: (bench) => {
      const [only] = bench.subnet.split('/')
      return bench.rig.etcd.putConfig({ ...vxlan, SubnetMin: only, SubnetMax: only })
    },
    mend: putConfig(vxlan),
  },
  {
    name: 'the doctor, or the agent, is given the wrong prefix of etcd',
    id: 'store.lease-missing',
    says: /is not in etcd at .*\/other/,
    inject: (bench) => bench.etcdctl('put', '/other/config', JSON.stringify(vxlan)),
    args: ['--etcd-prefix=/other'],
    argsAfter: [],
    mend: async () => {},
  },
  {
    name: 'a record that is no lease',
    id: 'store.records',
    says: /10\.244\.\d+\.0-24/,
    inject: (bench) => bench.rig.etcd.put(free(bench), '{"PublicIP": 7}'),
    mend: (bench) => bench.rig.etcd.delete(free(bench)),
  },
  {
    name: 'a lease lies outside of the network',
    id: 'store.outside',
    says: /10\.99\.1\.0-24 of 192\.168\.77\.66/,
    inject: (bench) => bench.rig.etcd.put('10.99.1.0-24', lease('192.168.77.66')),
  },
]
