import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const EC = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']

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

  /** One for 127.0.0.1, for servers and clients, valid for so many days; -1 has expired. */
  async make(name: string, ca: string, days = 2): Promise<void> {
    const request = join(this.folder, `${name}.csr`)
    const extensions = join(this.folder, `${name}.ext`)
    await writeFile(extensions, 'subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n')
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
