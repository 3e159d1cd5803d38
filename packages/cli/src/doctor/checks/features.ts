import { printable } from '@selvedge/core/kit'
import type { Facts } from '../facts/facts.js'
import type { RefusedRules } from '../facts/trials.js'
import { type Check, type Finding, fatal, warning } from '../finding.js'
import { backendOf, hasIpv6 } from './known.js'

const PACKAGES: Readonly<Record<string, string>> = { nft: 'nftables' }

/** What brings a backend's missing part, if it has one that the host's kernel or Debian can bring. */
const BACKEND_REMEDIES: Readonly<Record<string, string>> = {
  wireguard: 'modprobe wireguard, or apt-get install wireguard-go',
  ipsec:
    "apt-get install strongswan-charon strongswan-swanctl libstrongswan-standard-plugins; for the kernel's ESP modprobe esp4 esp6, or without it apt-get install libcharon-extra-plugins",
}

/** What the kernel, and programs, lack of what the flags and the config need. */
export const featureChecks: readonly Check[] = [
  {
    id: 'host.traffic-rules',
    title: 'the kernel, and iptables or nft, take rules as the overlay has them',
    pre: true,
    find: ({ trials: { rules } }) => rules.map(refusedRules),
  },
  {
    id: 'host.encryption',
    title: 'what encrypts packets is there, in the kernel or as a program, with wireguard and ipsec',
    pre: true,
    find: ({ trials, ...facts }) => {
      const backend = backendOf(facts) ?? ''
      return trials.backend === undefined
        ? []
        : [
            fatal(
              `the backend ${backend} cannot run here: ${trials.backend}`,
              BACKEND_REMEDIES[backend] ?? 'provide what it names, or choose another backend',
            ),
          ]
    },
  },
  {
    id: 'host.no-ipv6',
    title: 'the kernel has IPv6 on a host of an IPv6 network',
    pre: true,
    find: (facts) =>
      hasIpv6(facts) && !facts.sysctls.has('net/ipv6/conf/all/disable_ipv6')
        ? [
            fatal(
              'the network has IPv6, and this kernel has none: it was booted with ipv6.disable=1, or built without it',
              `take ipv6.disable=1 out of the kernel's command line (cat /proc/cmdline), and boot again; else leave IPv6 out of the network config: "EnableIPv6": false`,
            ),
          ]
        : [],
  },
  {
    id: 'host.no-bridge-netfilter',
    title: 'beside kube-proxy, the module is loaded that has packets between pods of one host pass its rules',
    pre: true,
    find: ({ sysctls, programs }) =>
      programs.has('kube-proxy') && !sysctls.has('net/bridge/bridge-nf-call-iptables')
        ? [
            warning(
              'kube-proxy runs here, and the module br_netfilter is not loaded: a Service does not reach a pod on the host of its client',
              'modprobe br_netfilter && echo br_netfilter > /etc/modules-load.d/br_netfilter.conf',
            ),
          ]
        : [],
  },
]

function refusedRules({ program, isInstalled, answer, parts }: RefusedRules): Omit<Finding, 'id'> {
  if (!isInstalled) {
    const name = PACKAGES[program] ?? 'iptables'
    return fatal(
      `${program} does not run, and the overlay's rules need it (--ip-masq, --iptables-forward-rules)`,
      `apt-get install ${name}; or hold rules by the other program: "EnableNFTables": ${program !== 'nft'} in the network config`,
    )
  }
  const [said = ''] = answer.split('\n')
  const names = parts.map(({ name }) => name).join(', ')
  const modules = [...new Set(parts.flatMap(({ modules }) => modules))]
  return fatal(
    `${program} cannot write rules as the overlay has them${names === '' ? '' : `: it lacks ${names}`} (${printable(said)})`,
    `${modules.length === 0 ? `see what ${program} lacks` : `modprobe -a ${modules.join(' ')}`}; if this kernel has no such module, or ${program} no such extension, hold rules by the other program: "EnableNFTables": ${program !== 'nft'} in the network config`,
  )
}

/** Whether rules are held by nftables: by the config in force, or the one that is stored. */
export function holdsByNftables({ agent, store }: Pick<Facts, 'agent' | 'store'>): boolean {
  const stored = store?.state === 'answers' ? store.comparable : undefined
  const config = (agent?.state === 'answers' ? agent.page.config?.inForce : undefined) ?? stored
  return Reflect.get(Object(config), 'EnableNFTables') === true
}
