import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Paths of PEM files: a certificate and its key. */
export interface KeyPair {
  readonly certFile: string
  readonly keyFile: string
}

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']

/** A certificate authority of its own in `folder`, by openssl. */
export async function certificateAuthority(folder: string, name: string): Promise<KeyPair> {
  const pair = pairIn(folder, name)
  const subject = ['-subj', `/CN=${name}`, '-days', '30', '-addext', 'basicConstraints=critical,CA:TRUE']
  await run('openssl', ['req', '-x509', ...KEY, '-keyout', pair.keyFile, '-out', pair.certFile, ...subject])
  return pair
}

/** A certificate for a server at an IPv4 address, and on loopback. */
export function serverCertificate(
  folder: string,
  name: string,
  address: string,
  authority: KeyPair,
): Promise<KeyPair> {
  const names = `IP:${address},IP:127.0.0.1,DNS:localhost`
  const extensions = `subjectAltName=${names}\nextendedKeyUsage=serverAuth\n`
  return certificate(folder, name, `/CN=${name}`, extensions, authority)
}

/** A certificate that identifies `user`, of `group`, to the API server. */
export function clientCertificate(
  folder: string,
  user: string,
  group: string,
  authority: KeyPair,
): Promise<KeyPair> {
  return certificate(folder, user, `/O=${group}/CN=${user}`, 'extendedKeyUsage=clientAuth\n', authority)
}

async function certificate(
  folder: string,
  name: string,
  subject: string,
  extensions: string,
  authority: KeyPair,
): Promise<KeyPair> {
  const pair = pairIn(folder, name)
  const request = join(folder, `${name}.csr`)
  const extensionFile = join(folder, `${name}.ext`)
  await writeFile(extensionFile, extensions)
  await run('openssl', ['req', ...KEY, '-keyout', pair.keyFile, '-out', request, '-subj', subject])
  // Several may be signed at once: a file that openssl counts in would be read while it is half written.
  const serial = `0x${randomBytes(8).toString('hex')}`
  const signer = [
    '-CA',
    authority.certFile,
    '-CAkey',
    authority.keyFile,
    '-set_serial',
    serial,
    '-days',
    '30',
  ]
  await run('openssl', [
    'x509',
    '-req',
    '-in',
    request,
    ...signer,
    '-extfile',
    extensionFile,
    '-out',
    pair.certFile,
  ])
  return pair
}

const pairIn = (folder: string, name: string): KeyPair => ({
  certFile: join(folder, `${name}.crt`),
  keyFile: join(folder, `${name}.key`),
})
