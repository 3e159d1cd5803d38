import type { Fault } from '../fault.js'
import { free, lease, startAgent } from './records.js'

/** Of the agent. */
export const AGENT: readonly Fault[] = [
  {
    name: 'no agent runs',
    id: 'agent.absent',
    says: /no agent answers at .*control\.sock/,
    inject: (bench) => bench.agent.kill(),
    mend: startAgent,
  },
  {
    name: 'the agent hangs',
    id: 'agent.silent',
    says: /does not answer/,
    inject: async (bench) => bench.agent.signal('SIGSTOP'),
    mend: async (bench) => bench.agent.signal('SIGCONT'),
  },
  {
    name: 'another user may not ask the agent',
    id: 'agent.denied',
    says: /control\.sock.*EACCES/,
    wrapper: ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'],
    inject: async (bench) => bench.sh(`chmod 755 ${bench.lab.directory} ${bench.folder}`),
    mend: async () => {},
  },
  {
    name: 'the agent starts, and has no config',
    id: 'agent.not-ready',
    says: /not ready: .*config/,
    inject: async (bench) => {
      await bench.etcdctl('del', '/coreos.com/network/config')
      await bench.agent.kill()
      bench.agents[0] = bench.rig.start(0, {
        ...bench.agentOptions,
        args: [...(bench.agentOptions.args ?? []), '--lease-cache='],
      })
    },
    mend: async (bench) => {
      await bench.rig.etcd.putConfig({ Network: '10.244.0.0/16', Backend: { Type: 'vxlan' } })
      await bench.agent.inSync()
    },
  },
  {
    name: 'a lease that nobody can follow',
    id: 'agent.refused-peers',
    says: /10\.244\.7\d\.0-24/,
    inject: (bench) => bench.rig.etcd.put(free(bench), lease(free(bench).replace('.0-24', '.7'))),
    mend: (bench) => bench.rig.etcd.delete(free(bench)),
  },
  {
    name: 'a peer of another backend',
    id: 'agent.refused-peers',
    says: /another backend.*10\.244\.7\d\.0-24/,
    inject: (bench) =>
      bench.rig.etcd.put(free(bench), lease('192.168.77.67', { BackendType: 'host-gw', BackendData: null })),
    mend: (bench) => bench.rig.etcd.delete(free(bench)),
  },
  {
    name: 'flanneld runs, too',
    id: 'host.flanneld-too',
    says: /flanneld/,
    inject: (bench) => bench.spawnNamed('flanneld'),
    mend: (bench) => bench.endStray(),
  },
  {
    name: 'another program deletes a route',
    id: 'agent.drift',
    says: /process \d+.*route 254 10\.244\..* was missing/,
    inject: (bench) => bench.host.ip('route', 'delete', bench.peerSubnet),
    // For ten minutes: the last of the table.
    lasts: true,
  },
]
