import { randomUUID } from 'node:crypto'
import { nkeys } from '@nats-io/transport-node'

type KeyPair = ReturnType<typeof nkeys.createUser>

/** A user whom an account has signed. */
export interface JwtUser {
  readonly key: string
  /** The text of its creds file. */
  readonly creds: string
}

const UNLIMITED = { subs: -1, data: -1, payload: -1 }

/** A server's operator with one account that has JetStream, as `nsc` makes them: servers know users by their JWTs alone. */
export class NatsOperator {
  readonly #operator = nkeys.createOperator()
  readonly #system = nkeys.createAccount()
  readonly #account = nkeys.createAccount()

  /** A server's configuration that knows this operator. */
  config(revoked: readonly JwtUser[] = []): string {
    const operator = token(this.#operator, this.#operator, 'lab', { type: 'operator', version: 2 })
    const system = this.#accountToken(this.#system, 'SYS', {}, {})
    const revocations = Object.fromEntries(revoked.map(({ key }) => [key, seconds() + 1]))
    const storage = { mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 }
    const account = this.#accountToken(this.#account, 'lab', storage, { revocations })
    return [
      `operator: ${operator}`,
      `system_account: ${this.#system.getPublicKey()}`,
      'resolver: MEMORY',
      `resolver_preload: { ${this.#system.getPublicKey()}: ${system}, ${this.#account.getPublicKey()}: ${account} }`,
    ].join('\n')
  }

  /** @param lifeSeconds for how long its JWT is valid */
  user(lifeSeconds?: number): JwtUser {
    const pair = nkeys.createUser()
    const claims = { type: 'user', version: 2, pub: {}, sub: {}, ...UNLIMITED }
    const jwt = token(this.#account, pair, 'node', claims, lifeSeconds)
    const seed = new TextDecoder().decode(pair.getSeed())
    return {
      key: pair.getPublicKey(),
      creds: `${block('NATS USER JWT', jwt)}\n${block('USER NKEY SEED', seed)}\n`,
    }
  }

  #accountToken(pair: KeyPair, name: string, limits: object, more: object): string {
    const all = { imports: -1, exports: -1, wildcards: true, conn: -1, leaf: -1, ...UNLIMITED, ...limits }
    const claims = {
      type: 'account',
      version: 2,
      limits: all,
      default_permissions: { pub: {}, sub: {} },
      ...more,
    }
    return token(this.#operator, pair, name, claims)
  }
}

const block = (title: string, text: string): string =>
  `-----BEGIN ${title}-----\n${text}\n------END ${title}------\n`

const seconds = (): number => Math.floor(Date.now() / 1000)

function token(issuer: KeyPair, subject: KeyPair, name: string, nats: object, lifeSeconds?: number): string {
  const claims = {
    jti: randomUUID(),
    iat: seconds(),
    ...(lifeSeconds !== undefined && { exp: seconds() + lifeSeconds }),
    iss: issuer.getPublicKey(),
    sub: subject.getPublicKey(),
    name,
    nats,
  }
  const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url')
  const signed = `${encode({ typ: 'JWT', alg: 'ed25519-nkey' })}.${encode(claims)}`
  return `${signed}.${Buffer.from(issuer.sign(Buffer.from(signed))).toString('base64url')}`
}
