import { fuzz, fuzzSettings, hostileJson, hostileText } from '@selvedge/conformance'
import { it } from 'vitest'
import { Sanitizer } from './sanitizer.js'

const settings = fuzzSettings(process.env)
const timeout = settings.count === undefined ? 60_000 : 3_600_000

/** It begins with no digit of an escape, and so is never completed by one. */
const SECRET = 'horse-battery-staple'

/** A message of 2,000 characters, each of which may be escaped. */
const MAX_TEXT = 2_000 * '\\u0000'.length + 10

/** Twenty items in each of six levels is the bound in theory; what texts allow is less. */
const MAX_FIELDS = 5_000_000

it('texts that are logged', { timeout }, async () => {
  const texts = hostileText([
    `etcd refuses user root with ${SECRET}`,
    `{"Backend":{"PSK":"${SECRET}"}}`,
    'Authorization: Bearer abcdefghijklmnopqrstuvwxyz',
    'https://root:hunter2@etcd:2379/v3',
  ])
  const json = hostileJson([{ PSK: SECRET, Peers: [{ token: SECRET }], message: `no ${SECRET}` }])
  const sanitizer = new Sanitizer()
  sanitizer.addSecret(SECRET)
  const report = await fuzz({
    ...settings,
    input: (random) => (random() < 0.7 ? texts(random) : json(random)),
    check(text) {
      const shown = sanitizer.text(text)
      if (shown.length > MAX_TEXT) throw new Error(`it is ${shown.length} characters long`)
      if (/[\p{Cc}\u2028-\u202e\u2066-\u2069]/u.test(shown)) throw new Error('it is not printable')
      if (shown.includes(SECRET)) throw new Error('it contains the secret')
      const written = JSON.stringify(sanitizer.fields({ value: parsed(text) }))
      if (written.includes(SECRET)) throw new Error('its fields contain the secret')
      if (written.length > MAX_FIELDS) throw new Error(`its fields are ${written.length} characters long`)
    },
  })
  console.log('log texts', report)
})

/** What a library may hang on its errors. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    return error
  }
}
