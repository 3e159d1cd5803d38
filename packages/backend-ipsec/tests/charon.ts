import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Capture, type CapturedPacket, type Host, isPlain, type Lab, type Pod } from '@selvedge/lab'
import { ViciClient } from '../src/vici/client.js'
import { isSection, type ViciSection } from '../src/vici/message.js'

/** A charon, as an operator sees it. */
export class Charon {
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
  }

  /** The one that a host's agent keeps. */
  static of(lab: Lab, host: Host): Charon {
    return new Charon(join(lab.directory, host.name, 'ipsec'))
  }

  get uri(): string {
    return `unix://${join(this.#folder, 'charon.vici')}`
  }

  log(): string {
    return readFileSync(join(this.#folder, 'charon.log'), 'utf8')
  }

  pid(): number {
    return Number(readFileSync(join(this.#folder, 'charon-started.pid'), 'utf8'))
  }

  /** @returns its PID */
  signal(signal: NodeJS.Signals): number {
    const pid = this.pid()
    process.kill(pid, signal)
    return pid
  }

  async command(name: string, message: ViciSection): Promise<ViciSection> {
    using client = await this.#open()
    return await client.command(name, message)
  }

  /** The name of its first connection, and of that one's child. */
  async connection(): Promise<string> {
    const [name] = await this.connections()
    if (name === undefined) throw new Error('charon has no connection')
    return name
  }

  async connections(): Promise<readonly string[]> {
    return (await this.#stream('list-conn')).map(([name]) => name)
  }

  async child(): Promise<string> {
    const [, subnets = ''] = /^[^-]+-(.+)-[^-]+$/.exec(await this.connection()) ?? []
    return subnets
  }

  /** What its tunnels are told apart by; a new one has another. */
  async childIds(): Promise<readonly string[]> {
    const sas = await this.#stream('list-sa')
    return sas.flatMap(([, sa]) =>
      Object.values(isSection(sa['child-sas']) ? sa['child-sas'] : {}).flatMap((child) =>
        isSection(child) && child.state === 'INSTALLED' ? [String(child['spi-in'])] : [],
      ),
    )
  }

  /** The addresses that its peers are talked to at. */
  async remoteHosts(): Promise<readonly string[]> {
    return [...new Set((await this.#stream('list-sa')).map(([, sa]) => String(sa['remote-host'])))]
  }

  async #stream(event: 'list-conn' | 'list-sa'): Promise<[name: string, section: ViciSection][]> {
    using client = await this.#open()
    const sections = await client.stream(`${event}s`, event)
    return sections.flatMap((one) =>
      Object.entries(one).flatMap(([name, section]): [string, ViciSection][] =>
        isSection(section) ? [[name, section]] : [],
      ),
    )
  }

  async #open(): Promise<ViciClient> {
    const client = await ViciClient.open(this.uri)
    if (client === undefined) throw new Error(`no charon listens at ${this.uri}`)
    return client
  }
}

/** All that crosses the switch of a lab. */
export const captureAll = (lab: Lab): Promise<Capture> =>
  Capture.start(lab.switch, { device: 'br0', file: join(lab.directory, `${performance.now()}.pcap`) })

/** How many packets between two pods are on the wire in plain, in whatever encapsulation. */
export function plainBetween(packets: readonly CapturedPacket[], one: Pod, other: Pod): number {
  const [a, b] = [`${one.addresses[0]}`, `${other.addresses[0]}`]
  return packets.filter((packet) => isPlain(packet, a, b) || isPlain(packet, b, a)).length
}
