import { familyOf } from '@selvedge/core/kit'
import { addAddress, addLink, changeLink, deleteAddress, deleteLink, splitAddress } from './links.js'
import { addFdbEntry, addNeighbour, deleteFdbEntry, deleteNeighbour } from './neighbours.js'
import { addRoute, deleteRoute, ROUTE_PROTOCOLS, type RouteProtocol } from './routes.js'
import type { KernelState } from './state.js'

/** Words that stand alone; every other word is followed by its value. */
const FLAGS = new Set(['up', 'down', 'nolearning', 'gbp', 'onlink', 'self', 'permanent', 'dynamic', 'nodad'])

/** `via 10.244.2.0 dev flannel.1 onlink` by its words. */
class Words {
  readonly #values = new Map<string, string>()

  constructor(words: readonly string[]) {
    for (let index = 0; index < words.length; index += 1) {
      const word = words[index] ?? ''
      if (FLAGS.has(word)) {
        this.#values.set(word, '')
      } else {
        index += 1
        const value = words[index]
        if (value === undefined) throw new TypeError(`'${word}' is followed by nothing`)
        this.#values.set(word, value)
      }
    }
  }

  has(word: string): boolean {
    return this.#values.delete(word)
  }

  text(word: string): string | undefined {
    const value = this.#values.get(word)
    this.#values.delete(word)
    return value
  }

  required(word: string): string {
    const value = this.text(word)
    if (value === undefined) throw new TypeError(`'${word}' is missing`)
    return value
  }

  number(word: string): number | undefined {
    const value = this.text(word)
    return value === undefined ? undefined : Number(value)
  }

  /** A word that was not asked for is not understood. */
  end(): void {
    const [left] = this.#values.keys()
    if (left !== undefined) throw new TypeError(`'${left}' means nothing here`)
  }
}

/**
 * Carries out a command line of `ip` or `bridge`, of those that change links, addresses, routes, neighbours and
 * fdb entries. Throws a TypeError for one that it does not understand.
 */
export function runCommand(state: KernelState, line: string): void {
  const [tool, ...rest] = line.trim().split(/\s+/)
  const words = rest.filter((word) => word !== '-4' && word !== '-6')
  const [object = '', verb = '', ...operands] = words
  const run = tool === 'ip' ? IP[object] : tool === 'bridge' && object === 'fdb' ? fdb : undefined
  try {
    if (run === undefined || !run(state, verb, operands))
      throw new TypeError(`'${object} ${verb}' is not known`)
  } catch (error) {
    if (error instanceof TypeError) throw new TypeError(`${line}: ${error.message}`, { cause: error })
    throw error
  }
}

/** Returns false for a verb that it does not know. */
type Command = (state: KernelState, verb: string, operands: readonly string[]) => boolean

const IP: Readonly<Record<string, Command | undefined>> = { link, addr, route, neigh }

function link(state: KernelState, verb: string, [name = '', ...rest]: readonly string[]): boolean {
  if (verb === 'del') {
    deleteLink(state, name)
    return true
  }
  const words = new Words(rest)
  const mtu = words.number('mtu')
  const macAddress = words.text('address')
  if (verb === 'add') {
    const type = words.required('type')
    addLink(state, { name, type, mtu, macAddress, settings: type === 'vxlan' ? vxlanOf(words) : undefined })
  } else if (verb === 'set') {
    const up = words.has('up') ? true : words.has('down') ? false : undefined
    changeLink(state, name, { mtu, macAddress, up, name: words.text('name'), alias: words.text('alias') })
  }
  words.end()
  return verb === 'add' || verb === 'set'
}

function vxlanOf(words: Words) {
  return {
    vni: Number(words.required('id')),
    port: words.number('dstport'),
    local: words.text('local'),
    parent: words.text('dev'),
    learning: !words.has('nolearning'),
    gbp: words.has('gbp'),
  }
}

function addr(state: KernelState, verb: string, [address = '', ...rest]: readonly string[]): boolean {
  const words = new Words(rest)
  const device = words.required('dev')
  words.has('nodad')
  words.end()
  if (verb === 'add') addAddress(state, device, ...splitAddress(address))
  else if (verb === 'del') deleteAddress(state, device, ...splitAddress(address))
  return verb === 'add' || verb === 'del'
}

function route(state: KernelState, verb: string, operands: readonly string[]): boolean {
  const blackhole = operands[0] === 'blackhole'
  const [given = '', ...rest] = blackhole ? operands.slice(1) : operands
  const words = new Words(rest)
  const protocol = words.text('proto')
  const asked = {
    destination: withLength(given),
    type: blackhole ? ('blackhole' as const) : undefined,
    gateway: words.text('via'),
    device: words.text('dev'),
    metric: words.number('metric'),
    table: words.number('table'),
    protocol: protocol === undefined ? undefined : protocolOf(protocol),
    onLink: words.has('onlink'),
  }
  words.end()
  if (verb === 'add') addRoute(state, asked, 'add')
  else if (verb === 'append') addRoute(state, asked, 'append')
  else if (verb === 'replace') addRoute(state, asked, 'replace')
  else if (verb === 'del') deleteRoute(state, asked)
  else return false
  return true
}

function withLength(given: string): string {
  if (given === 'default') return '0.0.0.0/0'
  return given.includes('/') ? given : `${given}/${familyOf(given) === 4 ? 32 : 128}`
}

function protocolOf(text: string): RouteProtocol {
  const known = Object.entries(ROUTE_PROTOCOLS).find(([name]) => name === text)
  return known === undefined ? Number(text) : known[1]
}

function neigh(state: KernelState, verb: string, [address = '', ...rest]: readonly string[]): boolean {
  const words = new Words(rest)
  const device = words.required('dev')
  if (verb === 'del') {
    words.end()
    deleteNeighbour(state, device, address)
    return true
  }
  const permanent = (words.text('nud') ?? 'permanent') === 'permanent'
  const asked = { link: device, address, macAddress: words.required('lladdr'), permanent }
  words.end()
  if (verb === 'add') addNeighbour(state, asked, 'add')
  else if (verb === 'replace') addNeighbour(state, asked, 'replace')
  return verb === 'add' || verb === 'replace'
}

function fdb(state: KernelState, verb: string, [macAddress = '', ...rest]: readonly string[]): boolean {
  const words = new Words(rest)
  const device = words.required('dev')
  const destination = words.text('dst')
  const permanent = !words.has('dynamic')
  words.has('permanent')
  words.has('self')
  words.end()
  if (verb === 'del') {
    deleteFdbEntry(state, device, macAddress, destination)
    return true
  }
  if (destination === undefined) throw new TypeError(`'dst' is missing`)
  const asked = { link: device, macAddress, destination, permanent }
  if (verb === 'add') addFdbEntry(state, asked, 'add')
  else if (verb === 'append') addFdbEntry(state, asked, 'append')
  else if (verb === 'replace') addFdbEntry(state, asked, 'replace')
  else return false
  return true
}
