import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { findCharon } from './find.js'

test('charon is the first that is there and may be run', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'selvedge-charon-'))
  const path = join(folder, 'charon')
  try {
    await writeFile(path, '#!/bin/sh\n')
    await expect(findCharon(path)).rejects.toMatchObject({ code: 'UNSUPPORTED' })
    await chmod(path, 0o755)
    expect(await findCharon(path)).toBe(path)
    // Debian has this plugin in a package that charon's does not depend on.
    await mkdir(join(folder, 'plugins'))
    await writeFile(join(folder, 'plugins/libstrongswan-gcm.so'), '')
    await expect(findCharon(path)).rejects.toThrow(
      /libstrongswan-vici\.so, .* apt-get install .*strongswan-swanctl/,
    )
    await writeFile(join(folder, 'plugins/libstrongswan-vici.so'), '')
    expect(await findCharon(path)).toBe(path)
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('its absence says what to install', async () => {
  await expect(findCharon('/nowhere/charon')).rejects.toThrow(
    /\/nowhere\/charon: it is not there; .* apt-get install strongswan-charon strongswan-swanctl libstrongswan-standard-plugins/,
  )
})
