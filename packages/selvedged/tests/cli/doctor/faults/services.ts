import type { Fault } from '../fault.js'

/** kube-proxy's table in its mode nftables, as far as it is read. */
const nftProxy = (map: string, element: string): string => `nft -f - << 'END'
table ip kube-proxy {
  map ${map} {
    type ipv4_addr . inet_proto . inet_service : verdict
    elements = { ${element} }
  }
  chain service-2QRHZV4L-default/kubernetes/tcp/https {
  }
}
END`

/** Of Services, by what kube-proxy has of them in each of its modes. */
export const SERVICES: readonly Fault[] = [
  {
    name: 'kube-proxy, by nftables, has no endpoint of the cluster’s DNS',
    id: 'pods.dns',
    says: /kube-system\/kube-dns:dns at 10\.96\.0\.10, port 53, answers no query.*; kube-proxy has no endpoint for it/,
    inject: (bench) =>
      bench.sh(
        nftProxy('no-endpoint-services', '10.96.0.10 . udp . 53 comment "kube-system/kube-dns:dns" : drop'),
      ),
    mend: (bench) => bench.sh('nft delete table ip kube-proxy'),
  },
  {
    name: 'the rules of kube-proxy, by nftables, for the API server’s Service are gone',
    id: 'pods.service',
    says: /default\/kubernetes:https at 10\.96\.0\.1, port 443, accepts no connection.*; kube-proxy knows it, and has no rule/,
    inject: (bench) =>
      bench.sh(
        nftProxy('service-ips', '10.96.0.1 . tcp . 443 : goto service-2QRHZV4L-default/kubernetes/tcp/https'),
      ),
    mend: (bench) => bench.sh('nft delete table ip kube-proxy'),
  },
  {
    name: 'the rules of kube-proxy, by iptables, for the cluster’s DNS are gone',
    id: 'pods.dns',
    says: /kube-system\/kube-dns:dns at 10\.96\.0\.10, port 53, .*; kube-proxy knows it, and has no rule/,
    inject: (bench) =>
      bench.sh(
        'iptables -t nat -N KUBE-SERVICES; iptables -t nat -N KUBE-SVC-TCOU7JCQXEZGVUNU; iptables -t nat -A KUBE-SERVICES -d 10.96.0.10/32 -p udp -m comment --comment "kube-system/kube-dns:dns cluster IP" -m udp --dport 53 -j KUBE-SVC-TCOU7JCQXEZGVUNU',
      ),
    mend: (bench) =>
      bench.sh(
        'iptables -t nat -F KUBE-SERVICES; iptables -t nat -X KUBE-SERVICES; iptables -t nat -X KUBE-SVC-TCOU7JCQXEZGVUNU',
      ),
  },
]
