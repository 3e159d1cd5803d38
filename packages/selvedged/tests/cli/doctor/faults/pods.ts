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
  {
    name: 'a plugin is not ready',
    id: 'pods.status',
    says: /flannel says that it is not ready: no subnet\.env yet/,
    inject: (bench) =>
      bench.sh(
        `printf '#!/bin/sh\\ntest "$CNI_COMMAND" = STATUS && echo "{\\"code\\": 50, \\"msg\\": \\"no subnet.env yet\\"}"; exit 1\\n' > /opt/cni/bin/flannel; chmod 755 /opt/cni/bin/flannel`,
      ),
    mend: (bench) => bench.sh('rm /opt/cni/bin/flannel; touch /opt/cni/bin/flannel'),
  },
  {
    name: 'addresses of pods that are gone are given',
    id: 'pods.leaked-addresses',
    says: /given 2 addresses, and cni0 has 1 ports; 2 answer nothing/,
    inject: (bench) =>
      bench.sh(
        ['205', '206']
          .map((n) => `echo gone > /var/lib/cni/networks/cbr0/${bench.subnet.replace('0/24', n)}`)
          .join('; '),
      ),
  },
  {
    name: 'the cluster’s DNS does not answer',
    id: 'pods.dns',
    says: /kube-system\/kube-dns:dns at 10\.96\.0\.10, port 53, answers no query/,
    inject: (bench) =>
      bench.sh(
        'iptables -t nat -N KUBE-SERVICES; iptables -t nat -A OUTPUT -j KUBE-SERVICES; iptables -t nat -A KUBE-SERVICES -d 10.96.0.10/32 -p udp -m comment --comment "kube-system/kube-dns:dns cluster IP" -m udp --dport 53 -j DNAT --to-destination 192.168.77.2:9',
      ),
    mend: (bench) =>
      bench.sh(
        'iptables -t nat -D OUTPUT -j KUBE-SERVICES; iptables -t nat -F KUBE-SERVICES; iptables -t nat -X KUBE-SERVICES',
      ),
  },
  {
    name: 'the API server’s Service leads nowhere',
    id: 'pods.service',
    says: /default\/kubernetes:https at 10\.96\.0\.1, port 443, accepts no connection/,
    inject: (bench) =>
      bench.sh(
        'iptables -t nat -N KUBE-SERVICES; iptables -t nat -A OUTPUT -j KUBE-SERVICES; iptables -t nat -A KUBE-SERVICES -d 10.96.0.1/32 -p tcp -m comment --comment "default/kubernetes:https cluster IP" -m tcp --dport 443 -j DNAT --to-destination 192.168.77.2:6443',
      ),
    mend: (bench) =>
      bench.sh(
        'iptables -t nat -D OUTPUT -j KUBE-SERVICES; iptables -t nat -F KUBE-SERVICES; iptables -t nat -X KUBE-SERVICES',
      ),
  },
  {
    name: 'the network contains the address of a Service',
    id: 'store.overlap',
    says: /10\.244\.0\.0\/16 contains 10\.244\.0\.10, the address of the Service kube-system\/metrics/,
    inject: (bench) =>
      bench.sh(
        'iptables -t nat -N KUBE-SERVICES; iptables -t nat -A KUBE-SERVICES -d 10.244.0.10/32 -p tcp -m comment --comment "kube-system/metrics:https cluster IP" -m tcp --dport 443 -j RETURN',
      ),
    mend: (bench) => bench.sh('iptables -t nat -F KUBE-SERVICES; iptables -t nat -X KUBE-SERVICES'),
  },
]
