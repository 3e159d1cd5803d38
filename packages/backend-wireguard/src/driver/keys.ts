import { createPrivateKey, createPublicKey } from 'node:crypto'

/** 32 bytes in base64, as `wg genkey` prints them: the last digit has two bits to spare, which are zero. */
const KEY = /^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/

/** RFC 8410, section 7: what comes before the 32 bytes of an X25519 private key in PKCS #8. */
const PKCS8_HEADER = Buffer.from('302e020100300506032b656e04220420', 'hex')

/** RFC 8410, section 4: and before those of a public key in SubjectPublicKeyInfo. */
const SPKI_HEADER_LENGTH = 12

/** A node's keys, in base64. The private one is a secret: it appears in no resource, message or command line. */
export interface KeyPair {
  /** 32 bytes in base64, as `wg genkey` prints it. A secret. */
  readonly privateKey: string
  /** 32 bytes in base64, as `wg pubkey` prints it: what this node publishes. */
  readonly publicKey: string
}

/** Whether a text is a WireGuard key: 32 bytes in base64. */
export const isKey = (text: unknown): text is string => typeof text === 'string' && KEY.test(text)

/** The pair that a private key belongs to. Throws a TypeError, which does not quote it, for anything else. */
export function keyPairOf(privateKey: string): KeyPair {
  if (!isKey(privateKey))
    throw new TypeError('a private key has 32 bytes in base64, as `wg genkey` prints it')
  const der = Buffer.concat([PKCS8_HEADER, Buffer.from(privateKey, 'base64')])
  const key = createPublicKey(createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }))
  const spki = key.export({ format: 'der', type: 'spki' })
  return { privateKey, publicKey: spki.subarray(SPKI_HEADER_LENGTH).toString('base64') }
}
