import { once } from 'node:events'
import { connect } from 'node:net'
import { type SecureContext, connect as secure } from 'node:tls'
import type { ServerUrl } from './server-url.js'

/** What Node.js needs to begin TLS with one server. */
export interface ServerTls {
  readonly secureContext: SecureContext
  readonly rejectUnauthorized: true
  /** What its certificate must be for; empty for a server that is given by its address, which is `host`. */
  readonly servername: string
  readonly host?: string
}

/** How long a server has to refuse a certificate, in ms. */
const TIMEOUT_MS = 2_000

/**
 * What a server says of this client's certificate. By TLS 1.3 it says so only after the client takes the handshake for
 * complete. By then the client has sent NATS' first message, and a server that closes with that unread resets the connection,
 * so that its answer is often lost. This does the handshake once more, and sends nothing.
 *
 * Resolves with the error; undefined if the server takes the certificate, or does not answer.
 */
export async function certificateRefusal({ host, port }: ServerUrl, options: ServerTls): Promise<unknown> {
  const signal = AbortSignal.timeout(TIMEOUT_MS)
  const socket = connect(port, host)
  try {
    // Its greeting, which is not encrypted.
    await once(socket, 'data', { signal })
    const secured = secure({ ...options, socket })
    await once(secured, 'secureConnect', { signal })
    await once(secured, 'close', { signal })
    return undefined
  } catch (error) {
    return signal.aborted ? undefined : error
  } finally {
    socket.destroy()
  }
}
