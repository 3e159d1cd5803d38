import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readCommandLine } from '@selvedge/agent/flags'
import { expect, test } from 'vitest'
import { secretsOfFiles } from './secret-files.js'

const JWT = 'eyJ0eXAiOiJKV1QifQ.eyJzdWIiOiJVQSJ9.c2lnbmF0dXJl'
const SEED = 'SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY'
const CREDS = `-----BEGIN NATS USER JWT-----
${JWT}
------END NATS USER JWT------

-----BEGIN USER NKEY SEED-----
${SEED}
------END USER NKEY SEED------
`
const KEY = 'MHcCAQEEIIrYSSNQFaA2Hwf1duRSxKtLYX5CB04fSeQ6tF1aY9zkoAoGCCqGSM49'

test.each([
  ['the creds file of NATS', '--nats-servers=tls://nats --nats-creds=@', CREDS, [JWT, SEED]],
  ['the nkey of NATS', '--nats-servers=tls://nats --nats-nkey=@', `${SEED}\n`, [SEED]],
  [
    'a key for NATS',
    '--nats-servers=tls://nats --nats-certfile=/none.pem --nats-keyfile=@',
    `-----BEGIN EC PRIVATE KEY-----\n${KEY}\n-----END EC PRIVATE KEY-----\n`,
    [KEY],
  ],
  [
    'a key for etcd',
    '--etcd-certfile=/none.pem --etcd-keyfile=@',
    `-----BEGIN EC PRIVATE KEY-----\n${KEY}\n-----END EC PRIVATE KEY-----\n`,
    [KEY],
  ],
])('secrets are found in %s', async (_, line, text, secrets) => {
  const folder = await mkdtemp(join(tmpdir(), 'selvedge-secrets-'))
  try {
    const file = join(folder, 'secret')
    await writeFile(file, text)
    const command = readCommandLine(line.replace('@', file).split(' '), {})
    if (command.type !== 'run') throw new Error(command.type)
    const found = await secretsOfFiles(command.settings, { WIREGUARD_KEY_FILE: '/none' })
    expect(found).toEqual(expect.arrayContaining(secrets))
  } finally {
    await rm(folder, { recursive: true })
  }
})
