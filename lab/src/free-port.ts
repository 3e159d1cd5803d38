import { once } from 'node:events'
import { createServer } from 'node:net'

/**
 * Below the ports that Linux gives to clients (`ip_local_port_range`, 32768 to 60999 by default): a client's connection,
 * even one to the very server that is still to start, cannot take the port before the server listens.
 */
const FIRST = 10_240
const END = 32_768

const given = new Set<number>()

/** A TCP port of loopback on which a server can listen, a different one at each call. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * (END - FIRST))
    if (given.has(port) || !(await isFree(port))) continue
    given.add(port)
    return port
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1')
  try {
    await once(server, 'listening')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') return false
    throw error
  }
  server.close()
  await once(server, 'close')
  return true
}
