import { expect, test } from 'vitest'
import { booleanField, integerField, textField } from '../util/json-fields.js'
import { backendSection } from './backend-section.js'
import { parseNetworkConfig } from './network-config.js'

const section = backendSection('toy', {
  VNI: integerField(0, 9, undefined),
  DirectRouting: booleanField(false),
  Name: textField(),
})
const config = (backend?: object) =>
  parseNetworkConfig({ Network: '10.5.0.0/16', ...(backend && { Backend: { Type: 'toy', ...backend } }) })

test('reads the keys as Go does, and takes what is absent or null from the fallbacks', () => {
  expect(section.read(config({ vni: 3, Name: null, Other: 1 }))).toEqual({ VNI: 3, DirectRouting: false })
  expect(section.read(config())).toEqual({ DirectRouting: false })
})

test('warns of each key that the backend does not have', () => {
  expect(section.warnings(config({ VNI: 3, Othre: 1, Type2: 'x' }))).toEqual([
    'in the toy settings, the key Othre means nothing; known keys: VNI, DirectRouting, Name',
    'in the toy settings, the key Type2 means nothing; known keys: VNI, DirectRouting, Name',
  ])
  expect(section.warnings(config())).toEqual([])
})

test('a value that breaks a rule is refused, wherever it is from', () => {
  const refusal = (message: string) => expect.objectContaining({ code: 'INVALID_CONFIG', message })
  const rule = 'VNI is 10, but must be a whole number from 0 to 9'
  expect(() => section.read(config({ VNI: 10 }))).toThrow(refusal(`in the toy settings, ${rule}`))
  expect(() => section.warnings(config({ VNI: 10 }))).toThrow(refusal(`in the toy settings, ${rule}`))
  expect(() => section.options({ vni: 10 })).toThrow(
    refusal(`in the options of toy(), ${rule.replace('VNI', 'vni')}`),
  )
})

test('options are named after the keys; one that does not exist is named with those that do', () => {
  expect(section.options({ directRouting: true, name: undefined })).toEqual({ DirectRouting: true })
  expect(() => section.options({ vni: 1, colour: 'red' }, ['namespace'])).toThrow(
    new TypeError('toy() has no option colour; it has vni, directRouting, name and namespace'),
  )
  expect(() => backendSection('toy', {}).options({ a: 1 }, ['b'])).toThrow(
    /toy\(\) has no option a; it has b$/,
  )
  expect(() => section.options({ VNI: 5 })).toThrow(/toy\(\) has no option VNI: did you mean vni\?/)
})
