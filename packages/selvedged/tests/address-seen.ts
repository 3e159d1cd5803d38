import { type Namespace, until } from '@selvedge/lab'

export interface Target {
  readonly address: string
  readonly port: number
  /** The server's own port, if another is asked. Default: the same. */
  readonly listensAt?: number
}

/** The address that a TCP server on `to` sees when `from` connects to the target. */
export async function addressSeen(
  from: Namespace,
  to: Namespace,
  { address, port, listensAt = port }: Target,
): Promise<string> {
  const server = to.spawn('node', [
    '-e',
    `require('net').createServer((s) => s.end(s.remoteAddress)).listen(${listensAt}, () => console.log('listening'))`,
  ])
  let said = ''
  server.stdout.setEncoding('utf8').on('data', (chunk) => {
    said += chunk
  })
  try {
    await until('a server that listens', () => said.includes('listening') || undefined)
    const client = `require('net').connect(${port}, '${address}').on('data', (data) => console.log(String(data)))`
    const seen = await from.exec('node', ['-e', client])
    return seen.trim().replace('::ffff:', '')
  } finally {
    server.kill()
  }
}
