import { expect, it } from 'vitest'
import { isKey, keyPairOf } from './keys.js'

it('computes the public key that `wg pubkey` prints', () => {
  const { publicKey } = keyPairOf(Buffer.alloc(32, 7).toString('base64'))
  expect(publicKey).toBe('E75P6uryBMf9M1j8nAByGIHRdCeBKCJ+xnTzf3/pe20=')
})

it.each(['', 'AAAA', `${'A'.repeat(43)}=x`, `${'A'.repeat(42)}B=`, `${'-'.repeat(43)}=`, 5, null])(
  '%j is no key',
  (text) => {
    expect(isKey(text)).toBe(false)
  },
)

it('does not quote what is no private key', () => {
  expect(() => keyPairOf('secret')).toThrow(TypeError)
  expect(() => keyPairOf('secret')).not.toThrow(/secret/)
})
