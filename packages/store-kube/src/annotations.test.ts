import { isOverlayError } from '@selvedge/core'
import { describe, expect, test } from 'vitest'
import { fullPrefix } from './annotations.js'

describe('an annotation prefix', () => {
  test.each([
    ['flannel.alpha.coreos.com', 'flannel.alpha.coreos.com/'],
    ['example.com/', 'example.com/'],
    ['example.com/blue', 'example.com/blue-'],
    ['example.com/blue-', 'example.com/blue-'],
    ['overlay_2.example.com/net_1', 'overlay_2.example.com/net_1-'],
  ])('%s begins names with %s', (prefix, full) => {
    expect(fullPrefix(prefix)).toBe(full)
  })

  test.each([
    '',
    'flannel',
    'example.com/a/b',
    'Example.com',
    'example.com/Blue',
    'exa mple.com',
    '/blue',
    '.com',
  ])("'%s' is refused, and named", (prefix) => {
    try {
      fullPrefix(prefix)
      expect.unreachable()
    } catch (error) {
      expect(isOverlayError(error, 'INVALID_CONFIG')).toBe(true)
      expect(String(error)).toContain(`'${prefix}'`)
    }
  })
})
