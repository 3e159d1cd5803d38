import { expect, test } from 'vitest'
import { writtenAnnotations } from './written-annotations.js'

const by = (manager: unknown, time: unknown, ...names: readonly string[]) => ({
  manager,
  time,
  fieldsV1: { 'f:metadata': { 'f:annotations': Object.fromEntries(names.map((name) => [`f:${name}`, {}])) } },
})

test('each annotation under the prefix has the program that wrote it last', () => {
  const node = {
    metadata: {
      annotations: { 'a.b/one': '1', 'a.b/two': '2', 'a.b/three': '3', 'c.d/one': 'x' },
      managedFields: [
        by('flanneld', '2026-01-01T00:00:00Z', 'a.b/one', 'a.b/two'),
        by('kubectl-annotate', '2026-02-01T00:00:00Z', 'a.b/two', 'c.d/one'),
        by('node-fetch', '2025-01-01T00:00:00Z', 'a.b/two', 'a.b/gone'),
      ],
    },
  }
  expect(Object.fromEntries(writtenAnnotations(node, 'a.b/'))).toEqual({
    'a.b/one': { value: '1', writer: 'flanneld', writtenAt: Date.parse('2026-01-01T00:00:00Z') },
    'a.b/two': { value: '2', writer: 'kubectl-annotate', writtenAt: Date.parse('2026-02-01T00:00:00Z') },
    'a.b/three': { value: '3' },
  })
})

test.each([
  undefined,
  null,
  [],
  'text',
  { metadata: 7 },
  { metadata: { annotations: [], managedFields: {} } },
  { metadata: { annotations: { 'a.b/x': 7 }, managedFields: [7, null, by(7, 7, 'a.b/x')] } },
])('of %j there is none', (object) => {
  expect(writtenAnnotations(object, 'a.b/').size).toBe(0)
})

test('a manager without fields, or with a time that is none, harms no other', () => {
  const managedFields = [
    { manager: 'm' },
    { manager: 'm', fieldsV1: { 'f:metadata': 3 } },
    by('n', 'soon', 'a.b/x'),
  ]
  expect(writtenAnnotations({ metadata: { annotations: { 'a.b/x': '1' }, managedFields } }, 'a.b/')).toEqual(
    new Map([['a.b/x', { value: '1', writer: 'n', writtenAt: undefined }]]),
  )
})
