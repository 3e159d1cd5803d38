import type { Fault } from '../fault.js'

/** Of hosts with the backend ipsec, if charon encrypts, and not the kernel. */
export const IPSEC_BY_CHARON: readonly Fault[] = [
  {
    name: 'a policy rule sends packets to peers out by the interface itself',
    id: 'path.plain-text',
    says: /packets to 10\.244\.\d+\.0\/24 .* leave by eth0, as they are/,
    inject: (bench) =>
      bench.sh(
        'ip route add default via 192.168.77.254 table 100; ip rule add to 10.244.0.0/16 lookup 100 priority 99',
      ),
    mend: (bench) => bench.sh('ip rule delete priority 99'),
    after: (bench) => bench.sh('ip route flush table 100'),
  },
]
