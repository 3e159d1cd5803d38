import { expect, test } from 'vitest'
import { gatheredOnce } from '../gathered-once.js'
import { gatherParts, LIMITS, type Part } from './gather.js'
import { Redactor, secretsOfJson, secretsOfVariables } from './redact.js'
import { secretsOfText } from './secret-files.js'
import { tar } from './tar.js'

const redactor = new Redactor(['known-planted-1', 'quoted"planted', 'short'])

test.each([
  'etcd at http://user:planted@10.0.0.5:2379',
  'etcd at https://planted@10.0.0.5:2379/path',
  '  "PSK": "planted",',
  `  'psk' = 'planted phrase'`,
  'secretKey: planted phrase of words',
  'FLANNELD_ETCD_PASSWORD=planted',
  '--etcd-password=planted --ip-masq',
  '--etcd-password planted --ip-masq',
  'Authorization: Bearer planted.token+planted',
  'authorization: Basic cGxhbnRlZA==planted',
  'token eyJhbGciOiJI.planted-planted.c2ln',
  'PrivateKey = plantedplantedplanted=',
  'preshared_key=planted',
  'net.ipv6.conf.all.stable_secret = planted',
  'net.ipv4.tcp_fastopen_key = planted-planted',
  'auth-trunc hmac(sha256) 0xabcdef0123456789 128',
  'msg="login" config="{\\"PSK\\": \\"planted\\"}"',
  'x known-planted-1 y',
  encodeURIComponent('quoted"planted'),
  Buffer.from('known-planted-1').toString('base64'),
  '-----BEGIN EC PRIVATE KEY-----\nplanted\nplanted\n-----END EC PRIVATE KEY-----',
  '-----BEGIN PRIVATE KEY-----\nplanted',
])('no secret is left of %j', (text) => {
  const redacted = redactor.redact(text)
  expect(redacted).toContain('[redacted]')
  expect(redacted).not.toMatch(/planted|abcdef0123|a25vd24|Z3JvdW/)
})

test('JSON is redacted by its keys, however deep, and stays JSON; keys of entries are no secrets', () => {
  const document = {
    key: 'route 254 10.1.2.0/24 0 0',
    Backend: { PSK: 'planted-1', nested: [{ accessKey: ['planted-2', 12345678] }] },
    message: 'asked http://u:planted-3@host/',
    publicKey: 'abc=',
    tokens: null,
  }
  const redacted = redactor.redact(JSON.stringify(document))
  expect(redacted).not.toMatch(/planted|12345678/)
  expect(JSON.parse(redacted)).toMatchObject({
    key: document.key,
    publicKey: 'abc=',
    Backend: { PSK: '[redacted]', nested: [{ accessKey: ['[redacted]', '[redacted]'] }] },
  })
})

test.each([
  'default via 192.0.2.1 dev eth0 proto static metric 100',
  '-A FLANNEL-POSTRTG -m mark --mark 0x4000/0x4000 -j RETURN',
  'key: route 254 10.1.2.0/24 0 0',
  'flannel.1 vxlan id 1 dstport 8472 nolearning',
  'a short word',
  'see https://example.com/a@b',
])('%j stays as it is', (text) => {
  expect(redactor.redact(text)).toBe(text)
})

test('a text of many megabytes, and a line that is one, are redacted in time', () => {
  const line = `${'x'.repeat(1_000_000)} psk=planted\n`
  expect(redactor.redact(line + 'psk=planted\n'.repeat(100_000))).not.toContain('planted')
}, 20_000)

test('the secrets of a config and of variables are known', () => {
  expect(secretsOfJson('{"Backend":{"PSK":"a","Type":"vxlan","Keys":{"secret":["b"]}}}')).toEqual(['a', 'b'])
  expect(secretsOfJson('no JSON')).toEqual([])
  expect(secretsOfVariables({ FLANNELD_ETCD_PASSWORD: 'p', PATH: '/bin', TOKEN: undefined })).toEqual(['p'])
})

test('of a key in a file every line is known that is long enough; of a token the whole', () => {
  const lines = ['MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQ', 'dGFpbA==']
  const pem = `-----BEGIN PRIVATE KEY-----\n${lines.join('\n')}\n-----END PRIVATE KEY-----\n`
  expect(secretsOfText(pem)).toEqual([pem.trim(), lines[0]])
  expect(secretsOfText('token\n')).toEqual(['token'])
  expect(secretsOfText(' \n')).toEqual([])
  expect(new Redactor(secretsOfText(pem)).redact(`read ${lines[0]} from it`)).toBe('read [redacted] from it')
})

const part = (path: string, make: Part['make']): Part => ({ path, about: path, make })

test('a part that fails, is late or is too long holds up no other, and says so', async () => {
  const parts = [
    part('well.txt', async () => 'text'),
    part('failing.txt', () => Promise.reject(new Error('no such tool'))),
    part('late.txt', () => new Promise(() => {})),
    part('throwing.txt', () => {
      throw new Error('at once')
    }),
    part('long.txt', async () => 'x'.repeat(100)),
    part('last.txt', async () => 'y'.repeat(100)),
  ]
  const limits = { ...LIMITS, partMs: 50, partSize: 60, totalSize: 104, width: 2 }
  const gathered = await gatherParts(parts, limits, new AbortController().signal)
  expect(gathered.map(({ path, text, failed }) => [path, failed, text.trim()])).toEqual([
    ['well.txt', false, 'text'],
    ['failing.txt.failed.txt', true, 'failing.txt: no such tool'],
    ['late.txt.failed.txt', true, 'late.txt: it took longer than 0.05 s'],
    ['throwing.txt.failed.txt', true, 'throwing.txt: at once'],
    ['long.txt', false, `${'x'.repeat(60)}\n[cut here: 40 more characters]`],
    ['last.txt', false, `${'y'.repeat(40)}\n[cut here: 60 more characters]`],
  ])
})

test('once its time is over, parts are not begun', async () => {
  const never = part('never.txt', () => new Promise(() => {}))
  const limits = { ...LIMITS, partMs: 1_000, totalMs: 30, width: 1 }
  const gathered = await gatherParts(
    [never, part('b.txt', async () => 'b')],
    limits,
    new AbortController().signal,
  )
  expect(gathered.map(({ failed, text }) => [failed, text])).toEqual([
    [true, 'never.txt: the report had taken 0.03 s\n'],
    [true, 'b.txt: not begun: the report had taken 0.03 s\n'],
  ])
})

test('parts of a lane are made one after another, beside the others, with limits of their own', async () => {
  const order: string[] = []
  const slow = (path: string): Part => ({
    ...part(path, async () => {
      order.push(`${path} begins`)
      await new Promise((resolve) => setTimeout(resolve, 20))
      order.push(`${path} ends`)
      return path
    }),
    lane: 'slow',
    limitMs: 20_000,
  })
  const limits = { ...LIMITS, partMs: 1, width: 1 }
  const parts = [slow('a'), part('b', async () => 'b'), slow('c')]
  const gathered = await gatherParts(parts, limits, new AbortController().signal)
  expect(gathered.map(({ text }) => text)).toEqual(['a', 'b', 'c'])
  expect(order).toEqual(['a begins', 'a ends', 'c begins', 'c ends'])
})

test('facts of a report are gathered once, those of a command by itself each time', async () => {
  let gathered = 0
  const gather = async () => ++gathered
  const sharedFacts = new Map()
  expect(await Promise.all([1, 2].map(() => gatheredOnce({ sharedFacts }, 'a', gather)))).toEqual([1, 1])
  expect(await gatheredOnce({ sharedFacts }, 'b', gather)).toBe(2)
  expect(await gatheredOnce({}, 'a', gather)).toBe(3)
})

test('an interrupted report ends', async () => {
  const stop = new AbortController()
  const made = gatherParts([part('a', () => new Promise(() => {}))], LIMITS, stop.signal)
  setTimeout(() => stop.abort(new Error('stop')), 10)
  await expect(
    Promise.race([made, new Promise((resolve) => setTimeout(resolve, 1_000, 'late'))]),
  ).rejects.toThrow('stop')
})

test('a tar archive is made of whole blocks, and refuses a name that is too long', () => {
  const archive = tar([{ path: 'a/b.txt', content: Buffer.from('text') }], 1_700_000_000)
  expect(archive.length).toBe(512 * 4)
  expect(archive.subarray(257, 262).toString()).toBe('ustar')
  expect(() => tar([{ path: 'x'.repeat(100), content: Buffer.alloc(0) }], 0)).toThrow('longer')
})
