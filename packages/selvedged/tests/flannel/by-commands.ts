import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { parseSubnetEnv, type SubnetEnv } from '@selvedge/core'
import { flannelIptablesRules, flannelNftablesRules, type Host } from '@selvedge/lab'
import type { Etcd } from '../etcd.js'
import type { FlannelHost, FlannelNetwork } from './flannel-host.js'

export interface ByCommandsOptions {
  readonly host: Host
  readonly etcd: Etcd
  readonly network: FlannelNetwork
  readonly subnetFile: string
  /** The third number of its subnet if it has no lease yet. */
  readonly number: number
}

/**
 * What flanneld does at its start, by the commands that do the same: a record in etcd, a device, what leads to the peers,
 * rules, and subnet.env. Unlike flanneld it replaces its rules at once, so that a masqueraded flow loses nothing by it;
 * and it looks at its peers only when it starts.
 */
export class FlannelByCommands implements FlannelHost {
  readonly host: Host
  readonly #options: ByCommandsOptions

  constructor(options: ByCommandsOptions) {
    this.host = options.host
    this.#options = options
  }

  async start(): Promise<void> {
    const { network, etcd } = this.#options
    const subnet = (await this.#heldSubnet()) ?? `10.244.${this.#options.number}.0`
    const mac = network.Backend.Type === 'vxlan' ? await this.#makeDevice(subnet) : undefined
    await etcd.putWithTerm(`${subnet}-24`, this.#record(mac))
    for (const [key, value] of await etcd.leases()) {
      if (key !== `${subnet}-24`) await this.#lead(key.replace('-24', ''), JSON.parse(value))
    }
    if (network.EnableNFTables)
      await this.host.exec('nft', [flannelNftablesRules(network.Network, `${subnet}/24`)])
    else {
      const input = flannelIptablesRules(
        network.Network,
        `${subnet}/24`,
        await this.host.exec('iptables-save'),
      )
      await this.host.exec('iptables-restore', ['--noflush'], { input })
    }
    await this.#writeSubnetEnv(subnet)
  }

  async stop(): Promise<void> {}

  async subnetEnv(): Promise<Partial<SubnetEnv>> {
    return parseSubnetEnv(await readFile(this.#options.subnetFile, 'utf8'))
  }

  get #publicIp(): string {
    return `${this.host.addresses[0]}`
  }

  /** A node knows its lease by its public address. */
  async #heldSubnet(): Promise<string | undefined> {
    for (const [key, value] of await this.#options.etcd.leases()) {
      if (JSON.parse(value).PublicIP === this.#publicIp) return key.replace('-24', '')
    }
    return undefined
  }

  #record(mac: string | undefined): string {
    return JSON.stringify({
      PublicIP: this.#publicIp,
      PublicIPv6: null,
      BackendType: this.#options.network.Backend.Type,
      ...(mac !== undefined && { BackendData: { VNI: 1, VtepMAC: mac } }),
    })
  }

  /** A device that is there already is kept. */
  async #makeDevice(subnet: string): Promise<string> {
    const { host } = this
    const links = JSON.parse(await host.ip('-json', 'link')) as { ifname: string; address: string }[]
    const found = links.find(({ ifname }) => ifname === 'flannel.1')
    if (found !== undefined) return found.address
    const how = ['id', '1', 'local', this.#publicIp, 'dev', 'eth0', 'dstport', '8472', 'nolearning']
    await host.ip('link', 'add', 'flannel.1', 'mtu', '1450', 'type', 'vxlan', ...how)
    await host.ip('address', 'add', `${subnet}/32`, 'dev', 'flannel.1')
    await host.ip('link', 'set', 'flannel.1', 'up')
    return this.#makeDevice(subnet)
  }

  /** To a peer. */
  async #lead(base: string, peer: { PublicIP: string; BackendData?: { VtepMAC: string } }): Promise<void> {
    const { host } = this
    if (peer.BackendData === undefined) {
      await host.ip('route', 'replace', `${base}/24`, 'via', peer.PublicIP, 'dev', 'eth0')
      return
    }
    const { VtepMAC: mac } = peer.BackendData
    await host.ip('neigh', 'replace', base, 'lladdr', mac, 'dev', 'flannel.1', 'nud', 'permanent')
    await host.bridge('fdb', 'replace', mac, 'dev', 'flannel.1', 'dst', peer.PublicIP, 'self', 'permanent')
    await host.ip('route', 'replace', `${base}/24`, 'via', base, 'dev', 'flannel.1', 'onlink')
  }

  async #writeSubnetEnv(subnet: string): Promise<void> {
    const { subnetFile, network } = this.#options
    await mkdir(dirname(subnetFile), { recursive: true })
    const lines = [
      `FLANNEL_NETWORK=${network.Network}`,
      `FLANNEL_SUBNET=${subnet.replace(/0$/, '1')}/24`,
      `FLANNEL_MTU=${network.Backend.Type === 'vxlan' ? 1450 : 1500}`,
      'FLANNEL_IPMASQ=true',
    ]
    await writeFile(subnetFile, `${lines.join('\n')}\n`)
  }
}
