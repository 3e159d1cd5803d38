import { describe, expect, it } from 'vitest'
import { readSettings } from '../options.js'
import type { Failure, FailureKind } from './errors.js'
import { explain } from './explain.js'
import { identityOf } from './identity.js'

const identity = identityOf({ username: 'node', password: 'hunter22' })

function explained(failure: Partial<Failure> & { readonly kind: FailureKind }, domain?: string) {
  const settings = readSettings({ servers: ['nats://10.0.0.5', 'nats://10.0.0.6'], domain })
  return explain(
    'listing the leases',
    { said: 'it said so', cause: undefined, ...failure },
    { settings, identity },
  )
}

describe('an error', () => {
  it('says what was attempted, where, the answer, and what to do', () => {
    expect(explained({ kind: 'unavailable' })).toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: expect.stringMatching(
        /^listing the leases: NATS does not answer at nats:\/\/10\.0\.0\.5:4222, nats:\/\/10\.0\.0\.6:4222 \(it said so\); check/,
      ),
    })
  })

  it('names the one server that it is about', () => {
    const { message } = explained({ kind: 'denied', at: 'nats://10.0.0.6:4222' })
    expect(message).toContain("NATS refuses the user 'node' at nats://10.0.0.6:4222 (it said so)")
  })

  it('names the subject that is not permitted, and all that a node needs', () => {
    const forbidden = { operation: 'publish', subject: '$JS.FC.KV_selvedge.x' } as const
    expect(explained({ kind: 'forbidden', forbidden }).message).toMatch(
      /does not permit the user 'node' to publish to \$JS\.FC\.KV_selvedge\.x at .*; allow it to publish to \$JS\.API\.>, \$JS\.FC\.>, \$KV\.selvedge\.>, /,
    )
    expect(explained({ kind: 'forbidden', forbidden }, 'hub').message).toMatch(
      /; allow it to publish to \$JS\.hub\.API\.>, \$JS\.FC\.>, and to subscribe to _INBOX\.>$/,
    )
  })

  it('withholds an answer that repeats a secret, and what caused it', () => {
    const error = explained({ kind: 'refused', said: 'bad CONNECT hunter22', cause: new Error('hunter22') })
    expect(error.message).toContain('(withheld: it repeats a secret)')
    expect(error.cause).toBeUndefined()
  })

  it('is for each kind of failure one that says what to do', () => {
    const kinds: FailureKind[] = [
      ...(['outdated', 'no-stream', 'unavailable', 'denied', 'forbidden', 'untrusted'] as const),
      ...(['client-certificate', 'full', 'exists', 'refused'] as const),
    ]
    for (const kind of kinds) expect(explained({ kind }).message).toMatch(/ at nats:.* \(it said so\); .{10}/)
  })
})
