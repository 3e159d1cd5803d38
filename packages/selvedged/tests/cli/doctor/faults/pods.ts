import type { Fault } from '../fault.js'
import { CONFLIST, WRITE_CONFLIST } from '../ward.js'

/** Of the container runtime, and of the pods' bridge. */
export const PODS: readonly Fault[] = [
  {
    name: 'the runtime has no conf list',
    id: 'pods.no-config',
    says: /net\.d has no conf list/,
    inject: (bench) => bench.sh(`rm ${CONFLIST}`),
    mend: (bench) => bench.sh(WRITE_CONFLIST),
  },
  {
    name: 'the conf list is no JSON',
    id: 'pods.no-config',
    says: /10-flannel\.conflist/,
    inject: (bench) => bench.sh(`printf '{"plugins":' > ${CONFLIST}`),
    mend: (bench) => bench.sh(WRITE_CONFLIST),
  },
  {
    name: 'another network’s conf list comes first',
    id: 'pods.no-config',
    says: /00-other\.conf.*ptp/,
    inject: (bench) =>
      bench.sh(`touch /opt/cni/bin/ptp; printf '{"type":"ptp"}' > /etc/cni/net.d/00-other.conf`),
  },
  {
    name: 'plugins are missing',
    id: 'pods.no-plugin',
    says: /lacks flannel, host-local/,
    inject: (bench) => bench.sh('rm /opt/cni/bin/flannel /opt/cni/bin/host-local'),
    mend: (bench) => bench.sh('touch /opt/cni/bin/flannel /opt/cni/bin/host-local'),
  },
  {
    name: 'the bridge has an address of an earlier lease',
    id: 'pods.bridge-address',
    says: /10\.244\.250\.1\/24/,
    inject: (bench) => bench.host.ip('address', 'add', '10.244.250.1/24', 'dev', 'cni0'),
    mend: (bench) => bench.host.ip('address', 'delete', '10.244.250.1/24', 'dev', 'cni0'),
  },
  {
    name: 'the bridge has a greater MTU than the network',
    id: 'pods.bridge-mtu',
    says: /cni0 has an MTU of 1500/,
    inject: (bench) => bench.host.ip('link', 'set', 'cni0', 'mtu', '1500'),
  },
  {
    name: 'a pod’s interface has a greater MTU than the network',
    id: 'pods.bridge-mtu',
    says: /veth1 has an MTU of 9000/,
    inject: (bench) => bench.host.ip('link', 'set', 'veth1', 'mtu', '9000'),
    mend: (bench) => bench.host.ip('link', 'set', 'veth1', 'mtu', '1450'),
  },
  {
    name: 'the bridge is down',
    id: 'pods.bridge-down',
    says: /cni0 is down/,
    inject: (bench) => bench.host.ip('link', 'set', 'cni0', 'down'),
  },
]
