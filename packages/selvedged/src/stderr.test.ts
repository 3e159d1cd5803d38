import { expect, test } from 'vitest'
import { StandardError } from './stderr.js'

test('a line that cannot be written is dropped, counted, and kept apart from the next one', () => {
  let isFull = false
  let written = ''
  const stderr = new StandardError((text) => {
    if (isFull) {
      written += text.slice(0, 1)
      throw new Error('ENOSPC: no space left on device, write')
    }
    written += text
  })
  stderr.onRecovered = (dropped) => stderr.write(`${dropped} dropped\n`)
  stderr.write('one\n')
  isFull = true
  stderr.write('two\n')
  stderr.write('three\n')
  isFull = false
  stderr.write('four\n')
  stderr.write('five\n')
  expect(written.split('\n')).toEqual(['one', 't', '', 'four', '2 dropped', 'five', ''])
})
