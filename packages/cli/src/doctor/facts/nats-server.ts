import { connect, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { ServerFact } from './answers.js'

/** What a server of NATS says of itself to whoever connects. */
interface Info {
  readonly jetstream?: boolean
  readonly tls_required?: boolean
  readonly tls_available?: boolean
}

/** Longer ones name no server of NATS. */
const MAX_INFO_BYTES = 65_536

/**
 * Reads what the server says first, and then its certificate. Rejects if it says something else.
 *
 * @param domain of another server's JetStream, about which this one says nothing
 */
export async function natsServerFact(
  url: string,
  domain: string | undefined,
  timeoutMs: number,
): Promise<ServerFact> {
  const { hostname, port } = new URL(url)
  const host = hostname.replace(/^\[|\]$/g, '')
  const socket = connect(Number(port || 4222), host)
  socket.setTimeout(timeoutMs, () => socket.destroy(new Error('late')))
  try {
    const info = await readInfo(socket)
    const hasTls = info.tls_required === true || info.tls_available === true
    return {
      url,
      aheadMs: undefined,
      certificateEnds: hasTls ? await certificateEnd(socket, host) : undefined,
      lacksJetStream: domain === undefined && info.jetstream !== true,
    }
  } finally {
    socket.destroy()
  }
}

function readInfo(socket: Socket): Promise<Info> {
  return new Promise((resolve, reject) => {
    let said = ''
    const take = (part: Buffer): void => {
      said += part.toString('utf8')
      const [line, ...rest] = said.split('\r\n')
      if (rest.length === 0 && said.length < MAX_INFO_BYTES) return
      socket.off('data', take).pause()
      const [, json] = /^INFO (\{.*\})\s*$/.exec(line ?? '') ?? []
      try {
        resolve(JSON.parse(json ?? ''))
      } catch (error) {
        reject(error)
      }
    }
    socket
      .on('data', take)
      .once('error', reject)
      .once('close', () => reject(new Error('closed')))
  })
}

/** Whom it is spoken to is the store client's to check: nothing of ours is sent. */
function certificateEnd(socket: Socket, host: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const name = isIP(host) === 0 ? { servername: host } : {}
    const secure = connectTls({ socket, ...name, rejectUnauthorized: false }, () => {
      const ends = Date.parse(secure.getPeerCertificate().valid_to ?? '')
      resolve(Number.isNaN(ends) ? undefined : ends)
      secure.destroy()
    })
    secure.once('error', reject)
  })
}
