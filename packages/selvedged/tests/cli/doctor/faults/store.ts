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
    mend: (bench) => bench.rig.etcd.delete('10.99.1.0-24'),
  },
  {
    name: 'a user of etcd may read, and not write',
    id: 'store.rights',
    says: /does not let these credentials write leases below \/coreos\.com\/network\/subnets\/, nor write claims/,
    inject: async (bench) => {
      await bench.etcdctl('role', 'add', 'reader')
      await bench.etcdctl(
        'role',
        'grant-permission',
        '--prefix=true',
        'reader',
        'read',
        '/coreos.com/network/',
      )
      await bench.etcdctl('user', 'add', 'reader:secret')
      await bench.etcdctl('user', 'grant-role', 'reader', 'reader')
      await bench.rig.etcd.enableAuth('root', 'secret')
    },
    args: ['--etcd-username=reader', '--etcd-password=secret'],
    argsAfter: [],
    mend: (bench) => bench.etcdctl('--user=root:secret', 'auth', 'disable'),
    after: (bench) => bench.etcdctl('user', 'delete', 'root'),
  },
  {
    name: 'the password of etcd is wrong',
    id: 'store.refused',
    says: /refuses: .*authentication/,
    inject: (bench) => bench.rig.etcd.enableAuth('root', 'secret'),
    args: ['--etcd-username=root', '--etcd-password=wrong'],
    argsAfter: [],
    mend: (bench) => bench.etcdctl('--user=root:secret', 'auth', 'disable'),
    after: (bench) => bench.etcdctl('user', 'delete', 'root'),
  },
  {
    name: 'the clock of etcd’s host is an hour behind',
    id: 'store.clock',
    says: /1h ahead of that of http:\/\/192\.168\.77\.1:2399/,
    inject: (bench) => bench.spawnScript(HOUR_BEHIND, bench.rig.etcd.endpoint),
    args: ['--etcd-endpoints=http://192.168.77.1:2399'],
    argsAfter: [],
    mend: (bench) => bench.endStray(),
  },
  {
    name: 'the certificate of the store’s server ends tomorrow',
    id: 'store.certificate',
    says: /certificate of https:\/\/192\.168\.77\.1:2390 ends on/,
    inject: (bench) =>
      bench.spawnScript(
        `require('https').createServer({ key: require('fs').readFileSync(process.argv[1] + '/ca.key'), cert: require('fs').readFileSync(process.argv[1] + '/ca.pem') }, (_, answer) => answer.end('{}')).listen(2390, () => console.log('listens'))`,
        bench.folder,
        `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=etcd -keyout ${bench.folder}/ca.key -out ${bench.folder}/ca.pem 2> /dev/null`,
      ),
    args: ['--etcd-endpoints=https://192.168.77.1:2390'],
    argsAfter: [],
    mend: (bench) => bench.endStray(),
  },
  {
    name: 'the network contains the address of a peer’s host',
    id: 'store.overlap',
    says: /10\.244\.0\.0\/16 contains 10\.244\.66\.7, the public address of 10\.244\.7\d\.0-24/,
    inject: (bench) => bench.rig.etcd.put(free(bench), lease('10.244.66.7')),
    mend: (bench) => bench.rig.etcd.delete(free(bench)),
  },
]

/** Hands everything on to etcd, and back, with the Date of an hour ago. */
const HOUR_BEHIND = `const net = require('net')
const { hostname, port } = new URL(process.argv[1])
net.createServer((client) => {
  const server = net.connect(Number(port), hostname)
  client.pipe(server)
  server.on('data', (part) => client.write(Buffer.from(part.toString('latin1').replace(/Date: .*GMT/, () => 'Date: ' + new Date(Date.now() - 3600000).toUTCString()), 'latin1')))
  server.on('end', () => client.end())
  for (const each of [client, server]) each.on('error', () => { client.destroy(); server.destroy() })
}).listen(2399, () => console.log('listens'))`
