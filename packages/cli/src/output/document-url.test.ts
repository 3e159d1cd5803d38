import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { documentUrl, REPOSITORY } from './document-url.js'

test('documents are read where package.json says that the repository is, by the tag of the version', async () => {
  const { repository } = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8'))
  expect(repository.url).toBe(`git+${REPOSITORY}.git`)
  expect(documentUrl('doctor.md#agent.drift', '1.2.3')).toBe(
    'https://github.com/selvedge/selvedge/blob/v1.2.3/docs/doctor.md#agent.drift',
  )
})
