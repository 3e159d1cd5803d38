import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Host } from './host.js'
import type { Lab } from './lab.js'
import { until } from './until.js'

/** All that crosses the switch of a lab, or the wire of one host from it. */
export class Capture {
  readonly #file: string
  readonly #stop: () => Promise<void>

  private constructor(file: string, stop: () => Promise<void>) {
    this.#file = file
    this.#stop = stop
  }

  /** @param from only what this host sends */
  static async start(lab: Lab, from?: Host): Promise<Capture> {
    const file = join(lab.directory, `capture-${performance.now()}.pcap`)
    const [device, direction] = from === undefined ? ['br0', 'inout'] : [from.name, 'in']
    const child = lab.switch.spawn('tcpdump', [
      '--immediate-mode',
      '-U',
      '-i',
      device,
      '-Q',
      direction,
      '-w',
      file,
    ])
    let said = ''
    child.stderr.setEncoding('utf8').on('data', (chunk) => {
      said += chunk
    })
    await until('tcpdump to listen', () => said.includes('listening on') || undefined)
    const closed = new Promise<void>((resolve) => child.once('close', () => resolve()))
    return new Capture(file, () => {
      child.kill('SIGINT')
      return closed
    })
  }

  /** The packets, in hexadecimal. */
  async stop(): Promise<string> {
    await this.#stop()
    return readFileSync(this.#file).toString('hex')
  }
}

/** How often a pattern of hexadecimal digits is in what was captured. */
export const count = (hex: string, pattern: string): number => hex.split(pattern).length - 1
