import type { Fault } from '../fault.js'
import type { Ward } from '../ward.js'

/** Files of programs are as if they were not there: this host's mounts are its own. */
const hidden = (find: string) => ({
  inject: (ward: Ward) => ward.sh(`for path in $(${find}); do mount --bind /dev/null $path; done`),
  mend: (ward: Ward) => ward.sh(`for path in $(${find}); do umount $path; done`),
})

const covered = (folder: string) => ({
  inject: (ward: Ward) => ward.sh(`mount -t tmpfs none ${folder}`),
  mend: (ward: Ward) => ward.sh(`umount ${folder}`),
})

/** What the kernel, and programs, lack of what the flags and the config need: before anything runs. */
export const FEATURES: readonly Fault<Ward>[] = [
  {
    name: 'iptables has no match of comments',
    id: 'host.traffic-rules',
    says: /iptables cannot write rules .*: it lacks match comment \(.*comment/,
    ...hidden('find /usr/lib /lib -name libxt_comment.so | xargs -rn1 readlink -f | sort -u'),
  },
  {
    name: 'iptables cannot masquerade',
    id: 'host.traffic-rules',
    says: /it lacks target MASQUERADE/,
    args: ['--ip-masq'],
    ...hidden('find /usr/lib /lib -name "lib*t_MASQUERADE.so" | xargs -rn1 readlink -f | sort -u'),
  },
  {
    name: 'iptables is not installed',
    id: 'host.traffic-rules',
    says: /^iptables does not run/,
    ...hidden('readlink -f /usr/sbin/iptables'),
  },
  {
    name: 'neither the kernel nor a program has WireGuard',
    id: 'host.encryption',
    says: /the backend wireguard cannot run here: .*wireguard-go/,
    args: ['--backend=wireguard'],
    ...hidden('ls /usr/bin/wireguard-go'),
    whyNot: async (ward) =>
      (await ward.sh('ip link add probe type wireguard 2>&1 && ip link delete probe || true')) === ''
        ? 'this kernel has WireGuard'
        : undefined,
  },
  {
    name: 'strongSwan is not installed',
    id: 'host.encryption',
    says: /the backend ipsec cannot run here: .*charon.*strongswan-charon/,
    args: ['--backend=ipsec'],
    ...covered('/usr/lib/ipsec'),
  },
  {
    name: 'the kernel was booted without IPv6, and the network has it',
    id: 'host.no-ipv6',
    says: /ipv6\.disable=1/,
    args: ['--network=fd01:cafe::/48'],
    ...covered('/proc/sys/net/ipv6'),
  },
  {
    name: 'kube-proxy runs, and br_netfilter is not loaded',
    id: 'host.no-bridge-netfilter',
    says: /br_netfilter is not loaded/,
    inject: async (ward) => {
      await ward.sh('mount -t tmpfs none /proc/sys/net/bridge')
      await ward.spawnNamed('kube-proxy')
    },
    mend: (ward) => ward.sh('umount /proc/sys/net/bridge'),
    after: (ward) => ward.endStray(),
    whyNot: async (ward) =>
      (await ward.sh('cat /proc/sys/net/bridge/bridge-nf-call-iptables || true')) === ''
        ? 'it is not loaded on this machine'
        : undefined,
  },
]
