import { readFile } from 'node:fs/promises'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { TLSSocket } from 'node:tls'
import type { StoreSettings } from '@selvedge/agent/flags'
import type { Clock } from '@selvedge/core'
import type { ServerFact } from './answers.js'
import { natsServerFact } from './nats-server.js'

const TIMEOUT_MS = 1_500

/** Asks each server for its version: any answer has a Date (RFC 9110, 6.6.1). Those that give none are left out. */
export async function serverFacts(store: StoreSettings, clock: Clock): Promise<readonly ServerFact[]> {
  const urls = await urlsOf(store)
  const tls = store.type === 'etcd' ? await tlsOf(store.tls) : {}
  const ask = (url: string): Promise<ServerFact> =>
    store.type === 'nats' ? natsServerFact(url, store.domain, TIMEOUT_MS) : serverFact(url, tls, clock)
  const facts = await Promise.all(urls.map((url) => ask(url).catch(() => undefined)))
  return facts.filter((fact) => fact !== undefined)
}

async function urlsOf(store: StoreSettings): Promise<readonly string[]> {
  if (store.type === 'etcd') return store.endpoints
  if (store.type === 'nats') return store.servers
  if (store.type === 'local') return []
  const { access } = store
  if ('apiUrl' in access && access.apiUrl !== undefined) return [access.apiUrl]
  if ('pod' in access) {
    const { host, port } = access.pod
    return [`https://${host.includes(':') ? `[${host}]` : host}:${port}`]
  }
  if (!('kubeconfigFile' in access)) return []
  const text = await readFile(access.kubeconfigFile, 'utf8').catch(() => '')
  return [...text.matchAll(/"?server"?:\s*"?(https?:\/\/[^\s",]+)/g)].map(([, url = '']) => url)
}

async function tlsOf(files: { readonly ca?: string; readonly cert?: string; readonly key?: string }) {
  const read = (file: string | undefined) =>
    file === undefined ? undefined : readFile(file).catch(() => undefined)
  return { cert: await read(files.cert), key: await read(files.key) }
}

function serverFact(url: string, tls: object, clock: Clock): Promise<ServerFact> {
  return new Promise((resolve, reject) => {
    const sentAt = clock.now()
    // Whom it is spoken to is the store client's to check: nothing of ours is sent.
    const options = { ...tls, rejectUnauthorized: false, timeout: TIMEOUT_MS, agent: false }
    const send = url.startsWith('https:') ? httpsRequest : httpRequest
    const asked = send(new URL('/version', url), options, (answer: IncomingMessage) => {
      const date = Date.parse(answer.headers.date ?? '')
      const { socket } = answer
      const certificate = socket instanceof TLSSocket ? socket.getPeerCertificate() : undefined
      const ends = Date.parse(certificate?.valid_to ?? '')
      answer.resume()
      resolve({
        url,
        // A Date is cut to its second.
        aheadMs: Number.isNaN(date) ? undefined : (sentAt + clock.now()) / 2 - (date + 500),
        certificateEnds: Number.isNaN(ends) ? undefined : ends,
      })
    })
    asked.on('timeout', () => asked.destroy(new Error('late')))
    asked.on('error', reject)
    asked.end()
  })
}
