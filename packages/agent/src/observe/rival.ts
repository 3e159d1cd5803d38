import { createHash } from 'node:crypto'
import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import type { AgentSettings, StoreSettings } from '../command-line/settings.js'
import { interfaceChoices } from '../interface-choices.js'

/** What two agents must not have in common. */
export interface AgentPlace {
  /** The agent's process, as its own PID namespace numbers it. */
  readonly pid: number
  /** The path of subnet.env: both would write it. */
  readonly subnetFile: string
  /**
   * A digest of the network in the store and of how the interface to peers is chosen: two with the same one would hold one
   * lease, and one device.
   */
  readonly node: string
}

/** Where an agent with these settings stands. */
export function placeOf(settings: AgentSettings): AgentPlace {
  const { subnetFile, store, publicIp, publicIpv6 } = settings
  const interfaces = interfaceChoices(settings).map((choice) =>
    choice instanceof RegExp ? choice.source : choice,
  )
  const node = JSON.stringify([networkIn(store), interfaces, publicIp, publicIpv6])
  return { pid: process.pid, subnetFile, node: createHash('sha256').update(node).digest('hex').slice(0, 16) }
}

function networkIn(store: StoreSettings): readonly unknown[] {
  switch (store.type) {
    case 'etcd':
      return [store.type, [...store.endpoints].sort(), store.prefix]
    case 'nats':
      return [store.type, [...store.servers].sort(), store.bucket]
    case 'local':
      return [store.type, store.path]
    case 'kubernetes':
      return [store.type, store.node]
  }
}

/** An agent that runs answers in milliseconds. */
const TIMEOUT_MS = 1_000

/**
 * The agent at a control socket that does the work of this one; undefined if it does other work, is of a version that does
 * not say, or does not answer.
 */
export async function rivalAt(socketPath: string, own: AgentPlace): Promise<AgentPlace | undefined> {
  const other: unknown = await statusAt(socketPath).catch(() => undefined)
  const { pid, subnetFile, node } = Object(Object(other).place)
  if (typeof pid !== 'number' || (subnetFile !== own.subnetFile && node !== own.node)) return undefined
  return { pid, subnetFile, node }
}

function statusAt(socketPath: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    request({ socketPath, path: '/status', signal: AbortSignal.timeout(TIMEOUT_MS) }, (response) => {
      text(response)
        .then((body) => resolve(JSON.parse(body)))
        .catch(reject)
    })
      .on('error', reject)
      .end()
  })
}
