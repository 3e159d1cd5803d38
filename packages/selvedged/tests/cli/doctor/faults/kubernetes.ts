import { readFile, writeFile } from 'node:fs/promises'
import type { KubeRig } from '../../../kube/kube-rig.js'
import type { Selvedged } from '../../../selvedged.js'
import { type Fault, nothing } from '../fault.js'
import type { Ward } from '../ward.js'

/** What the faults need of a cluster. */
export interface Cluster {
  readonly rig: KubeRig
  /** Of the host that is examined. */
  agent: Selvedged
  readonly startAgent: () => Promise<void>
  readonly peerSubnet: string
  /** A kubeconfig of a user who may get and list nodes, and no more. */
  readonly reader: string
  /** A copy of the administrator's kubeconfig, for faults. */
  readonly copy: string
}

/** Of nodes of a Kubernetes cluster. */
export const kubernetesFaults = (cluster: () => Cluster): readonly Fault<Ward>[] => [
  {
    name: 'a peer’s route is gone, and no agent runs',
    id: 'kernel.route-missing',
    says: /route 10\.244\.2\.0\/24 .*dev flannel\.1.* is missing/,
    inject: async (ward) => {
      await cluster().agent.kill()
      await ward.sh(`ip route delete ${cluster().peerSubnet}`)
    },
    mend: () => cluster().startAgent(),
  },
  {
    name: 'a role lacks verbs',
    id: 'store.rights',
    says: /does not let these credentials watch nodes, nor patch nodes\/status/,
    args: ['--kubeconfig-file=@/reader.kubeconfig'],
    argsAfter: [],
    inject: async (ward) => writeFile(`${ward.folder}/reader.kubeconfig`, await readFile(cluster().reader)),
    mend: nothing,
  },
  {
    name: 'the certificate in a kubeconfig is none',
    id: 'store.certificate',
    says: /copy\.kubeconfig \(certificate-authority-data\)|ca\.pem/,
    args: ['--kubeconfig-file=@/copy.kubeconfig'],
    argsAfter: [],
    inject: async (ward) => {
      await writeFile(`${ward.folder}/ca.pem`, 'none')
      const text = await readFile(cluster().copy, 'utf8')
      await writeFile(
        `${ward.folder}/copy.kubeconfig`,
        text.replace(/("?certificate-authority"?:\s*"?)[^\s",]+/, `$1${ward.folder}/ca.pem`),
      )
    },
    mend: nothing,
  },
  {
    name: 'the API server is down',
    id: 'store.unreachable',
    says: /Kubernetes does not answer/,
    inject: () => cluster().rig.cluster.stopApiServer(),
    mend: () => cluster().rig.cluster.startApiServer(),
  },
  {
    name: 'packets of bridges pass iptables by',
    id: 'host.bridge-netfilter',
    says: /bridge-nf-call-iptables is 0/,
    inject: (ward) => ward.sh('sysctl -qw net.bridge.bridge-nf-call-iptables=0'),
    whyNot: async (ward) =>
      (await ward.sh('cat /proc/sys/net/bridge/bridge-nf-call-iptables || true')) === ''
        ? 'br_netfilter is not loaded'
        : undefined,
  },
]
