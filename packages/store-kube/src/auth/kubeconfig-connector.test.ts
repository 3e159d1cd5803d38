import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { KubeconfigConnector } from './kubeconfig-connector.js'

const VALID = JSON.stringify({
  'current-context': 'c',
  contexts: [{ name: 'c', context: { cluster: 'c' } }],
  clusters: [{ name: 'c', cluster: { server: 'https://192.0.2.1:6443' } }],
})

describe('a kubeconfig that another process rewrites in place', () => {
  let folder: string
  let kubeconfigFile: string
  let connector: KubeconfigConnector

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'selvedge-kubeconfig-'))
    kubeconfigFile = join(folder, 'config')
    connector = new KubeconfigConnector({ kubeconfigFile }, (_, work) => work())
  })

  afterEach(async () => {
    connector.close()
    await rm(folder, { recursive: true })
  })

  it.each([
    ['empty', ''],
    ['cut off', VALID.slice(0, 40)],
    ['without its context', '{}'],
  ])('is unavailable, not invalid, while it is %s', async (_, text) => {
    await writeFile(kubeconfigFile, VALID)
    await connector.connect()
    await writeFile(kubeconfigFile, text)
    await expect(connector.connect()).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: expect.stringContaining('it was valid before'),
    })
    await writeFile(kubeconfigFile, VALID)
    await connector.connect()
  })

  it('is invalid if it never was valid', async () => {
    await writeFile(kubeconfigFile, '')
    await expect(connector.connect()).rejects.toMatchObject({ code: 'INVALID_CONFIG' })
  })
})
