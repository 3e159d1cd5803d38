import { expect, test } from 'vitest'
import { PathNames, pathName } from './path-name.js'

test('a name has 32 bits, the same however the address is written', () => {
  expect(pathName('10.244.1.0')).toEqual({ family: 4, name: 0x0af4_0100 })
  expect(pathName('FD00:0::1')).toEqual(pathName('fd00::1'))
  expect(pathName('fd00::1')).not.toEqual(pathName('fd00::2'))
  expect(pathName('fd00::1').name).toBeLessThan(2 ** 32)
})

test('a path is found by its name in its own family, and neither of two whose names are the same', () => {
  const names = new PathNames<string>()
  names.add('10.244.1.0', 'a')
  names.add('10.244.2.0', 'b')
  names.add('10.244.2.0', 'another with its address')
  expect(names.get({ family: 4, name: 0x0af4_0100 })).toBe('a')
  expect(names.get({ family: 6, name: 0x0af4_0100 })).toBeUndefined()
  expect(names.get(pathName('10.244.2.0'))).toBeUndefined()
})
