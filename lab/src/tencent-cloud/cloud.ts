import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type ApiKey, whyNotSigned } from './signature.js'
import { CloudVpc, Refusal } from './vpc.js'

/** What an instance's metadata say. */
export interface CloudInstance {
  readonly id: string
  readonly mac: string
  readonly subnet: string
  /** Its CAM role, if it is bound to one. */
  readonly role?: string
}

/**
 * Goes wrong with a request: answers it itself and returns true, or returns false to have it answered as usual. It may
 * wait, end the connection, or write half of an answer.
 */
export type Fault = (
  request: { readonly action: string; readonly path: string },
  response: ServerResponse,
  usual: () => string,
) => boolean | Promise<boolean>

/**
 * Stands in for Tencent Cloud, on a port of its own: the API of one VPC, as its public documentation describes it, with
 * signatures verified; and, under `/<instance>/latest/meta-data/`, what the metadata server tells each instance.
 */
export class TencentCloud {
  readonly region = 'ap-guangzhou'
  readonly vpc: CloudVpc
  readonly keys: ApiKey[] = []
  readonly instances = new Map<string, CloudInstance>()
  /** Every request to the API, oldest first: the action, and the code of the refusal if there was one. */
  readonly requests: { readonly action: string; readonly code?: string; readonly body: string }[] = []
  /** Asked in this order about every request, of the metadata too. */
  readonly faults: Fault[] = []
  /** What it takes the time to be, in ms since 1970. */
  now: () => number = Date.now
  /** How long credentials of a role are valid from when they are asked for, in ms. */
  roleTermMs = 6 * 60 * 60_000
  /** Called when a request to the API may have changed a route. */
  onChange: (() => void) | undefined
  readonly #server: Server
  #made = 0

  private constructor(server: Server, prefix: string) {
    this.#server = server
    this.vpc = new CloudVpc(prefix)
  }

  /** @param prefix what the VPC's own addresses begin with, such as `192.168.` */
  static async start({ address = '127.0.0.1', prefix = '192.168.' } = {}): Promise<TencentCloud> {
    const server = createServer()
    const cloud = new TencentCloud(server, prefix)
    server.on('request', (request, response) => {
      cloud.#answer(request, response).catch((error) => response.destroy(error))
    })
    server.listen(0, address)
    await once(server, 'listening')
    return cloud
  }

  /** For `Endpoint`. */
  get endpoint(): string {
    const { address, port } = this.#server.address() as AddressInfo
    return `http://${address}:${port}`
  }

  metadataUrl(instance: string): string {
    return `${this.endpoint}/${instance}/latest/meta-data/`
  }

  /** An instance whose private address the VPC routes to. */
  addInstance(
    address: string,
    { id = `ins-${address.replaceAll('.', '-')}`, ...given }: Partial<CloudInstance> = {},
  ) {
    const instance = { id, mac: '52:54:00:BF:B3:51', subnet: 'subnet-lab', ...given }
    this.instances.set(id, instance)
    this.vpc.addresses.add(address)
    return instance
  }

  /** What tables hold beside the system's own, a line each. */
  toText(): string {
    const lines = this.vpc.tables.flatMap(({ id, routes }) =>
      routes
        .filter(({ RouteType }) => RouteType !== 'SYSTEM')
        .map(
          (route) =>
            `${id} ${route.DestinationCidrBlock} ${route.GatewayType} ${route.GatewayId} ` +
            `'${route.RouteDescription}'${route.Enabled ? '' : ' disabled'}`,
        ),
    )
    return lines.toSorted().join('\n')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close()
    this.#server.closeAllConnections()
    await once(this.#server, 'close')
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const body = Buffer.concat(chunks).toString()
    const path = request.url ?? ''
    const action = String(request.headers['x-tc-action'] ?? '')
    const isApi = request.method === 'POST'
    const usual = () => (isApi ? this.#act(request, action, body) : (this.#metadata(path) ?? NOTHING))
    for (const fault of this.faults) {
      if (await fault({ action, path }, response, usual)) return
    }
    const text = usual()
    if (!isApi && text === NOTHING) response.statusCode = 404
    response.setHeader('content-type', isApi ? 'application/json' : 'text/plain')
    response.end(text)
  }

  #act({ headers }: IncomingMessage, action: string, body: string): string {
    const RequestId = `request-${this.requests.length + 1}`
    try {
      const why = whyNotSigned(headers, body, this.keys, this.now())
      if (why !== undefined) throw new Refusal(...why)
      if (headers['x-tc-version'] !== '2017-03-12') throw new Refusal('NoSuchVersion', 'No such version.')
      if (headers['x-tc-region'] !== this.region) throw new Refusal('UnsupportedRegion', 'No such region.')
      const answer = this.vpc.act(action, JSON.parse(body))
      this.requests.push({ action, body })
      this.onChange?.()
      return JSON.stringify({ Response: { ...answer, RequestId } })
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      this.requests.push({ action, body, code: error.code })
      return refused(error.code, error.message, RequestId)
    }
  }

  #metadata(path: string): string | undefined {
    const [, id = '', what = ''] = /^\/([^/]+)\/latest\/meta-data\/(.*)$/.exec(path) ?? []
    const instance = this.instances.get(id)
    if (instance === undefined) return undefined
    const { mac, subnet, role } = instance
    const texts: Record<string, string | undefined> = {
      'instance-id': instance.id,
      'placement/region': this.region,
      mac,
      'network/interfaces/macs/': `${mac}/`,
      [`network/interfaces/macs/${mac}/vpc-id`]: this.vpc.id,
      [`network/interfaces/macs/${mac}/subnet-id`]: subnet,
      'cam/security-credentials/': role,
    }
    if (role !== undefined && what === `cam/security-credentials/${role}`) return this.#roleCredentials()
    return texts[what]
  }

  #roleCredentials(): string {
    this.#made += 1
    const key = {
      secretId: `id-${this.#made}`,
      secretKey: `role-secret-${this.#made}`,
      token: `token-${this.#made}`,
    }
    this.keys.push(key)
    const seconds = Math.floor((this.now() + this.roleTermMs) / 1000)
    return JSON.stringify({
      TmpSecretId: key.secretId,
      TmpSecretKey: key.secretKey,
      ExpiredTime: seconds,
      Expiration: new Date(seconds * 1000).toISOString(),
      Token: key.token,
      Code: 'Success',
    })
  }
}

/** The text of a 404 of the metadata. */
const NOTHING = '404 - Not Found'

/** An answer of API 3.0 that refuses. */
export const refused = (Code: string, Message: string, RequestId = 'request-x'): string =>
  JSON.stringify({ Response: { Error: { Code, Message }, RequestId } })
