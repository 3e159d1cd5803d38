import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { OverlayError } from '@selvedge/core'
import { invalidOption } from './endpoint-url.js'

/** Certificates and key as PEM text. */
export interface EtcdTls {
  /**
   * The authorities that may have signed etcd's certificates. Default: those that Node.js trusts, plus
   * NODE_EXTRA_CA_CERTS; or those in the file that GRPC_DEFAULT_SSL_ROOTS_FILE_PATH names.
   */
  readonly ca?: string | Buffer | undefined
  /** This node's own certificate, if etcd asks for one. Needs `key`. */
  readonly cert?: string | Buffer | undefined
  /** The private key of `cert`, which may not be encrypted. Needs `cert`. */
  readonly key?: string | Buffer | undefined
}

/** The same, as paths of files. */
export interface EtcdTlsFiles {
  /** The authorities that may have signed etcd's certificates, as PEM. Default: as of `EtcdTls.ca`. */
  readonly ca?: string | undefined
  /** This node's own certificate as PEM, if etcd asks for one. Needs `key`. */
  readonly cert?: string | undefined
  /** Its private key as PEM. Needs `cert`. */
  readonly key?: string | undefined
}

/**
 * Reads certificates and key from files, again for each new connection: renewed ones are used without a restart. The
 * function rejects with an OverlayError `INVALID_CONFIG` that names a file which cannot be read.
 */
export function tlsFiles(files: EtcdTlsFiles): () => Promise<EtcdTls> {
  const read = async (name: keyof EtcdTlsFiles): Promise<Buffer | undefined> => {
    const path = files[name]
    if (path === undefined) return undefined
    try {
      return await readFile(path)
    } catch (error) {
      throw OverlayError.from(error, 'INVALID_CONFIG', `reading the TLS ${name} for etcd from ${path}`)
    }
  }
  return async () => ({ ca: await read('ca'), cert: await read('cert'), key: await read('key') })
}

/** The parts of gRPC's credentials. */
export interface TlsCredentials {
  rootCertificate?: Buffer
  certChain?: Buffer
  privateKey?: Buffer
}

/**
 * Checks what gRPC would reject later with a worse message, or ignore. Throws an OverlayError `INVALID_CONFIG`, which
 * never quotes a key.
 */
export function tlsCredentials({ ca, cert, key }: EtcdTls): TlsCredentials {
  if ((cert === undefined) !== (key === undefined)) {
    const [given, missing] = key === undefined ? ['certificate', 'key'] : ['key', 'certificate']
    throw invalidOption(`a TLS ${given} was given without its ${missing}; give both, or neither`)
  }
  const credentials: TlsCredentials = {}
  if (ca !== undefined) {
    parseCertificate('CA', ca)
    credentials.rootCertificate = Buffer.from(ca)
  }
  if (cert !== undefined && key !== undefined) {
    const certificate = parseCertificate('client certificate', cert)
    if (!certificate.checkPrivateKey(parseKey(key))) {
      throw invalidOption('the TLS key is not the key of the client certificate')
    }
    credentials.certChain = Buffer.from(cert)
    credentials.privateKey = Buffer.from(key)
  }
  return credentials
}

function parseCertificate(what: string, pem: string | Buffer): X509Certificate {
  try {
    return new X509Certificate(pem)
  } catch (error) {
    throw OverlayError.from(
      error,
      'INVALID_CONFIG',
      `reading the TLS ${what} for etcd, which must be PEM text`,
    )
  }
}

function parseKey(pem: string | Buffer) {
  try {
    return createPrivateKey(pem)
  } catch {
    // Without its cause: OpenSSL does not promise that it never quotes its input.
    throw invalidOption('the TLS key is not a private key in PEM, or is encrypted')
  }
}
