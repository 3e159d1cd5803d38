/** A Service of Kubernetes, as kube-proxy has it in iptables, nftables or IPVS. */
export interface ClusterIp {
  /** `kube-system/kube-dns:dns`; its address and port in IPVS, which knows no names. */
  readonly name: string
  readonly address: string
  readonly port: number
  readonly protocol: 'tcp' | 'udp'
  /** What it is, if its ports say so and not its name. */
  readonly role?: 'dns' | 'api' | undefined
  /** What leads nowhere, as far as kube-proxy's own entries say it. */
  readonly lacks?: 'endpoints' | 'rules' | undefined
}
