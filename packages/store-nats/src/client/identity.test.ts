import { nkeys } from '@nats-io/transport-node'
import { describe, expect, it } from 'vitest'
import { credsFile, type NatsCredentials, nkeyFile } from './credentials.js'
import { identityOf } from './identity.js'

const seed = new TextDecoder().decode(nkeys.createUser().getSeed())
const jwt = 'eyJ0eXAiOiJKV1QifQ.eyJzdWIiOiJVIn0.c2lnbmF0dXJl'
const creds = [
  '-----BEGIN NATS USER JWT-----',
  jwt,
  '------END NATS USER JWT------',
  '',
  '-----BEGIN USER NKEY SEED-----',
  seed,
  '------END USER NKEY SEED------',
  '',
].join('\n')

describe('credentials', () => {
  it.each<[string, NatsCredentials | undefined, string, string[]]>([
    ['nobody', undefined, 'a client without credentials', []],
    ['a user', { username: 'node', password: 'hunter22' }, "the user 'node'", ['hunter22']],
    ['a token', { token: 'hunter22' }, 'the token', ['hunter22']],
    ['an nkey', { nkeySeed: `${seed}\n` }, 'the nkey', [seed]],
    ['a creds file', { creds }, 'the user of the creds', [jwt, seed]],
  ])('of %s say who it is, and which secrets are in them', (_, given, who, secrets) => {
    expect(identityOf(given)).toMatchObject({ who, secrets })
  })

  it('of a creds file answer a nonce with its JWT and a signature', () => {
    expect(identityOf({ creds }).authenticator?.('nonce')).toMatchObject({
      jwt,
      sig: expect.stringMatching(/.{80}/),
    })
  })

  it.each<[NatsCredentials, RegExp]>([
    [{ nkeySeed: 'hunter22' }, /hold no valid nkey seed/],
    [{ creds: 'hunter22' }, /are not the text of a creds file/],
    [{ creds: creds.replace(seed, 'hunter22') }, /are not the text of a creds file/],
  ])('that NATS could make nothing of are refused without quoting them', (given, message) => {
    expect(() => identityOf(given)).toThrow(message)
    expect(() => identityOf(given)).not.toThrow(/hunter22/)
  })

  it('from a file that cannot be read name the file', () => {
    for (const read of [credsFile('/nowhere/node'), nkeyFile('/nowhere/node')]) {
      expect(read).toThrow(/^reading the NATS credentials from \/nowhere\/node: .*ENOENT/)
    }
  })
})
