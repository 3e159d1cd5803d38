import { createInterface } from 'node:readline'
import type { Namespace } from '../namespace.js'
import { until } from '../until.js'

/** A datagram that arrived, and the address that it came from. */
export interface Arrival {
  from: string
  to: string
  /** The source address that the receiver saw. */
  source: string
  /** Whose address that is: `h1p1` for the sender's own, `h1` if its host masqueraded. */
  owner: string
}

/** A port that no service of a lab's namespaces uses. */
const PORT = 40_000

/** Prints the source address of each datagram. */
const RECEIVER = `
const socket = require('node:dgram').createSocket('udp4')
socket.on('message', (_, { address }) => console.log(address))
socket.bind(${PORT}, () => console.log('listening'))
`

/** The source address that a datagram has when it arrives: sent again and again until one does, for at most 10 s. */
export async function sourceOnArrival(from: Namespace, to: Namespace, address: string): Promise<string> {
  const receiver = to.spawn(process.execPath, ['-e', RECEIVER])
  try {
    const lines: string[] = []
    createInterface(receiver.stdout).on('line', (line) => lines.push(line))
    const { signal } = from
    await until(`a socket in ${to.namespace}`, () => lines[0], { signal })
    const send = () => from.exec('bash', ['-c', `echo > /dev/udp/${address}/${PORT}`])
    return await until(
      `a datagram from ${from.namespace} to ${address}`,
      async () => {
        await send()
        return lines[1]
      },
      { signal },
    )
  } finally {
    receiver.kill('SIGKILL')
  }
}
