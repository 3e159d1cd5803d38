import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const EC = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']

const LOOPBACK = ['IP:127.0.0.1', 'IP:::1', 'DNS:localhost']

export interface CertificateOptions {
  /** For how many it is valid; -1 for one that has expired. */
  readonly days?: number
  /** What it is for, as openssl's subjectAltName: `IP:192.0.2.1`, `DNS:example.com`. */
  readonly names?: readonly string[]
}

/** Certificates made by openssl in a folder of their own. */
export class Certificates implements AsyncDisposable {
  readonly folder: string

  static async make(): Promise<Certificates> {
    return new Certificates(await mkdtemp(join(tmpdir(), 'selvedge-certs-')))
  }

  private constructor(folder: string) {
    this.folder = folder
  }

  cert(name: string): string {
    return join(this.folder, `${name}.pem`)
  }

  key(name: string): string {
    return join(this.folder, `${name}.key`)
  }

  async makeCa(name: string): Promise<void> {
    await this.#openssl(
      'req',
      '-x509',
      ...EC,
      '-days',
      '2',
      '-subj',
      `/CN=${name}`,
      '-keyout',
      this.key(name),
      '-out',
      this.cert(name),
    )
  }

  /** One for servers and clients, by default for loopback, valid for two days. */
  async make(
    name: string,
    ca: string,
    { days = 2, names = LOOPBACK }: CertificateOptions = {},
  ): Promise<void> {
    const request = join(this.folder, `${name}.csr`)
    const extensions = join(this.folder, `${name}.ext`)
    await writeFile(extensions, `subjectAltName=${names.join(',')}\nextendedKeyUsage=serverAuth,clientAuth\n`)
    await this.#openssl('req', ...EC, '-subj', `/CN=${name}`, '-keyout', this.key(name), '-out', request)
    await this.#openssl(
      ...['x509', '-req', '-in', request, '-CA', this.cert(ca), '-CAkey', this.key(ca), '-CAcreateserial'],
      ...['-days', String(days), '-extfile', extensions, '-out', this.cert(name)],
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true, force: true })
  }

  async #openssl(...args: string[]): Promise<void> {
    await run('openssl', args)
  }
}
